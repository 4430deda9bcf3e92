"""The C table's two declarations, in the header and in Rust, describe the same memory."""

import subprocess
from pathlib import Path

from symphony_bridge import _native

HEADER = Path(__file__).parents[2] / "native" / "core" / "include" / "symphony_table.h"

PROGRAM = f"""
#include "{HEADER}"
#include <stdio.h>
int main(void) {{
  printf("%zu %zu %zu %zu %zu %zu %zu %zu", sizeof(SymSegment), sizeof(SymPack),
         offsetof(SymPack, segments), offsetof(SymPack, ops_length), offsetof(SymPack, segments_length),
         sizeof(SymTable), offsetof(SymTable, call_sync), offsetof(SymTable, close));
}}
"""


def test_header_and_rust_agree_on_sizes_and_offsets(tmp_path: Path) -> None:
    source = tmp_path / "layout.c"
    source.write_text(PROGRAM)
    program = tmp_path / "layout"
    subprocess.run(["g++", "-x", "c++", str(source), "-o", str(program)], check=True)
    printed = subprocess.run([str(program)], check=True, capture_output=True, text=True).stdout
    assert [int(number) for number in printed.split()] == _native.table_layout()
