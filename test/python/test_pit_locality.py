"""The Pit is in the process that calls it: what needs no disk needs no system call either."""

from __future__ import annotations

import platform
import signal
import subprocess
import sys

import pytest
from pit_support import start_python

ALLOWED = {
    "x86_64": {
        "mmap": 9,
        "mprotect": 10,
        "munmap": 11,
        "brk": 12,
        "mremap": 25,
        "madvise": 28,
        "clock_gettime": 228,
        "exit_group": 231,
    },
    "aarch64": {
        "exit_group": 94,
        "clock_gettime": 113,
        "brk": 214,
        "munmap": 215,
        "mremap": 216,
        "mmap": 222,
        "mprotect": 226,
        "madvise": 233,
    },
}
"""What is no call of the Pit's: the allocator's, now and then, and the clock of a kernel that lends none."""

CONFINE = """
import ctypes, gc, os, struct, sys
from symphony_bridge import _native, pit

def confine(allowed):
    # A filter of the kernel's for this thread: every other system call ends the process with SIGSYS.
    load, equal, give = 0x20, 0x15, 0x06
    rules = [(load, 0, 0, 0)]
    rules += [(equal, len(allowed) - i, 0, number) for i, number in enumerate(allowed)]
    rules += [(give, 0, 0, 0x80000000), (give, 0, 0, 0x7FFF0000)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(rules), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, set_seccomp, by_filter = 38, 22, 2
    assert libc.prctl(no_new_privileges, 1, 0, 0, 0) == 0
    if libc.prctl(set_seccomp, by_filter, program, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the kernel has no filters of system calls")

def run_confined(operation, allowed):
    for _ in range(100):
        operation()
    # Nobody else is at work.
    here.flush()
    gc.collect()
    gc.disable()
    confine(allowed)
    for _ in range(100):
        operation()
    os._exit(0)

if sys.argv[1] == "traced":
    _native.open_trace(sys.argv[2])
here = pit.Pit(":memory:")
"""

OPERATIONS = {
    "a pool hit": """
here.pool.register("model", lambda: object())
def operation():
    with here.pool.allocate("model"):
        pass
""",
    "a pool hit that calls its model": """
here.pool.register("model", lambda: object(), invoke=lambda model, number: number + 1)
def operation():
    with here.pool.allocate("model") as lease:
        assert lease.invoke(1) == 2
""",
    "a status": """
here.pool.register("model", lambda: object())
def operation():
    here.pool.status("model")
""",
    "a decision": """
request = {"context_type": "x", "options": [{"name": "a", "score": 1}, {"name": "b", "score": 2}]}
def operation():
    assert here.arbitration.submit_decision(request).choice["name"] == "b"
""",
    "a policy": """
def operation():
    here.arbitration.get_policy("default")
""",
}


def confined(operation: str, *arguments: str) -> subprocess.Popen[str]:
    allowed = sorted(ALLOWED[platform.machine()].values())
    code = f"{CONFINE}{operation}\nrun_confined(operation, {allowed})"
    return start_python(code, ":memory:", *arguments)


linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="filters of Linux")


@linux
@pytest.mark.parametrize("traced", ["plain", "traced"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_what_needs_no_disk_takes_no_system_call(name, traced, tmp_path):
    process = confined(OPERATIONS[name], traced, str(tmp_path / "trace"))
    _, err = process.communicate(timeout=60)
    if process.returncode == -signal.SIGSYS:
        pytest.fail(f"{name} made a system call; strace -f tells which")
    assert process.returncode == 0, err


@linux
@pytest.mark.parametrize("call", ["os.getppid()", "os.urandom(1)", "open('/dev/null')"])
def test_the_filter_finds_a_system_call(call, tmp_path):
    operation = f"def operation():\n    {call}"
    process = confined(operation, "plain", str(tmp_path / "trace"))
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGSYS
