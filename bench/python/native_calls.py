"""From Python into Rust: calls that do nothing beside C built-ins that do nothing, and a span.

Prints JSON. The built-ins (METH_NOARGS and METH_FASTCALL) are those of `bench/native/builtin.c`, compiled
for this interpreter; without a compiler or Python's headers they are left out.
"""

import importlib.util
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import timeit
from pathlib import Path
from typing import Any, Dict

from symphony_bridge import _native

NUMBER = 20_000
REPEAT = 200


SOURCE = Path(__file__).parents[1] / "native" / "builtin.c"


def calls(module: Any, prefix: str) -> Dict[str, float]:
    """Nanoseconds of both functions of a module."""
    return {prefix + name: best(getattr(module, name), args) for name, args in WAYS.items()}


WAYS = {"noop": "", "noop_with": "1234, 56789, 'a short text'"}


def best(function: object, args: str) -> float:
    """Nanoseconds of one call, loop included, best of many runs."""
    timer = timeit.Timer(f"f({args})", globals={"f": function})
    return min(timer.repeat(REPEAT, NUMBER)) / NUMBER * 1e9


def builtins(folder: str) -> Any:
    """The C twin, or None where it cannot be built."""
    library = os.path.join(folder, "builtin.so")
    include = sysconfig.get_paths()["include"]
    command = ["cc", "-O2", "-shared", "-fPIC", f"-I{include}", str(SOURCE), "-o", library]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"no C twin: {getattr(error, 'stderr', None) or error}", file=sys.stderr)
        return None
    spec = importlib.util.spec_from_file_location("builtin", library)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def span(folder: str) -> Dict[str, float]:
    """Nanoseconds of begin and end in Rust while a trace file is open, and of the clock that they look at."""
    _native.open_trace(os.path.join(folder, "bench.symtrace"))
    each = {"span": _native.bench_spans, "clock": _native.bench_clock}
    return {name: min(float(measure(200_000)) for _ in range(5)) for name, measure in each.items()}


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        twin = builtins(folder)
        times = calls(_native, "")
        if twin is not None:
            times.update(calls(twin, "c_"))
        # Last: an open trace stays.
        times.update(span(folder))
    json.dump(times, sys.stdout)


if __name__ == "__main__":
    main()
