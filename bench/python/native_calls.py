"""From Python into Rust: a call that does nothing beside a C built-in that does nothing, and a span.

Prints JSON.
`gc.isenabled` takes no argument (METH_NOARGS, as `noop` does) and returns a constant.
"""

import gc
import json
import os
import sys
import tempfile
import timeit

from symphony_bridge import _native

NUMBER = 20_000
REPEAT = 200


def best(function: object) -> float:
    """Nanoseconds of one call, loop included, best of many runs."""
    timer = timeit.Timer("f()", globals={"f": function})
    return min(timer.repeat(REPEAT, NUMBER)) / NUMBER * 1e9


def span() -> float:
    """Nanoseconds of begin and end in Rust while a trace file is open."""
    with tempfile.TemporaryDirectory() as folder:
        _native.open_trace(os.path.join(folder, "bench.symtrace"))
        return min(float(_native.bench_spans(200_000)) for _ in range(5))


if __name__ == "__main__":
    json.dump({"noop": best(_native.noop), "builtin": best(gc.isenabled), "span": span()}, sys.stdout)
