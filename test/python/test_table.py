"""The C table's two declarations, in the header and in Rust, describe the same memory."""

import re
import subprocess
from pathlib import Path

from symphony_bridge import _native

HEADER = Path(__file__).parents[2] / "native" / "core" / "include" / "symphony_table.h"

FIELDS = {
    "SymSegment": ["data", "length"],
    "SymPack": [
        "ops",
        "nums",
        "chars",
        "segments",
        "ops_length",
        "nums_length",
        "chars_length",
        "segments_length",
    ],
    "SymHost": ["context", "wake", "call", "pump"],
    "SymTable": ["abi", "size", "call_sync", "call_bare", "submit", "connect", "drain", "close"],
}

PROGRAM = f"""
#include "{HEADER}"
#include <stdio.h>
int main(void) {{
"""
for _struct, _fields in FIELDS.items():
    PROGRAM += f'  printf("%zu\\n", sizeof({_struct}));\n'
    for _field in _fields:
        PROGRAM += f'  printf("%zu\\n", offsetof({_struct}, {_field}));\n'
PROGRAM += "}\n"


def test_every_field_of_the_header_is_compared() -> None:
    header = re.sub(r"/[*].*?[*]/", "", HEADER.read_text(), flags=re.DOTALL)
    for body, name in re.findall(r"typedef struct {(.*?)} (\w+);", header, flags=re.DOTALL):
        declared = [re.search(r"[(][*](\w+)[)]|(\w+)$", member.strip()) for member in _members(body)]
        assert [found[1] or found[2] for found in declared if found] == FIELDS[name]


def _members(body: str) -> "list[str]":
    members, depth, member = [], 0, ""
    for char in body:
        depth += (char == "(") - (char == ")")
        if char == ";" and depth == 0:
            members.append(member)
            member = ""
        else:
            member += char
    return members


def test_header_and_rust_agree_on_sizes_and_offsets(tmp_path: Path) -> None:
    source = tmp_path / "layout.c"
    source.write_text(PROGRAM)
    program = tmp_path / "layout"
    subprocess.run(["g++", "-x", "c++", str(source), "-o", str(program)], check=True)
    printed = subprocess.run([str(program)], check=True, capture_output=True, text=True).stdout
    assert [int(number) for number in printed.split()] == _native.table_layout()
