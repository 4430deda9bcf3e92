"""The codec beside json in Python: best times in nanoseconds for each payload of stdin, as JSON."""

import json
import sys
import time
from typing import Any, Callable, Dict

from symphony_bridge import _native

ROUNDS = 2000


def best(work: Callable[[], Any]) -> int:
    """Nanoseconds of the fastest of many runs."""
    lowest = sys.maxsize
    for _ in range(ROUNDS):
        start = time.perf_counter_ns()
        work()
        lowest = min(lowest, time.perf_counter_ns() - start)
    return lowest


def measure(value: Any) -> Dict[str, int]:
    """All four directions of one value."""
    text = json.dumps(value)
    return {
        "encode": _native._codec_time_encode(value, ROUNDS),
        "decode": _native._codec_time_decode(value, ROUNDS),
        "dumps": best(lambda: json.dumps(value)),
        "loads": best(lambda: json.loads(text)),
    }


if __name__ == "__main__":
    payloads = json.load(sys.stdin)
    print(json.dumps({name: measure(value) for name, value in payloads.items()}))
