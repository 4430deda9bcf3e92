"""The child process, with this test in the editor's place."""

import ctypes
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from itertools import cycle
from pathlib import Path
from typing import Iterator, Tuple

import pytest

PACKAGE = Path(__file__).parents[2] / "python"
HEADER = 64
PING, PONG, ORPHANED = 8, 9, 82
TGKILL = 234

Child = Tuple["subprocess.Popen[bytes]", socket.socket]


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        process = subprocess.Popen(
            [sys.executable, "-m", "symphony_bridge.conductor", "--socket", path],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(PACKAGE)},
        )
        assert process.stdin
        process.stdin.write(b"token\n")
        process.stdin.flush()
        listener.settimeout(30)
        connection, _ = listener.accept()
    connection.settimeout(10)
    with process, connection:
        ping(connection, 1)
        yield process, connection
        process.kill()


def ping(connection: socket.socket, number: int) -> None:
    """Send a PING and read up to its PONG."""
    connection.sendall(ping_frame(number))
    pong(connection, number)


def ping_frame(number: int) -> bytes:
    return struct.pack("<IBBHII", HEADER, PING, 0, 1, number, 0).ljust(HEADER, b"\0")


def pong(connection: socket.socket, number: int) -> None:
    """Read up to the PONG of a PING."""
    while True:
        header = read(connection, HEADER)
        length, kind, _flags, _version, of = struct.unpack_from("<IBBHI", header)
        read(connection, length - HEADER)
        if (kind, of) == (PONG, number):
            return


def read(connection: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        more = connection.recv(length - len(data))
        assert more, "the child closed the connection"
        data += more
    return data


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="sends a signal to one thread")
def test_a_signal_to_a_thread_that_waits_for_the_editor_is_no_end(child: Child) -> None:
    process, connection = child
    tasks = Path(f"/proc/{process.pid}/task")
    waiting = [task.name for task in tasks.iterdir() if (task / "comm").read_text() == "conductor-link\n"]
    assert len(waiting) == 1
    for task in waiting:
        assert ctypes.CDLL(None).syscall(TGKILL, process.pid, int(task), signal.SIGINT) == 0
    ping(connection, 2)
    ping(connection, 3)
    assert process.poll() is None


def test_frames_arrive_however_the_stream_is_cut(child: Child) -> None:
    _process, connection = child
    stream = b"".join(ping_frame(number) for number in range(2, 42))
    at = 0
    for length in cycle((1, 3, 60, 64, 65, 200)):
        if at >= len(stream):
            break
        connection.sendall(stream[at : at + length])
        at += length
        time.sleep(0.001)
    for number in range(2, 42):
        pong(connection, number)


def test_answers_wait_for_an_editor_that_does_not_read(child: Child) -> None:
    _process, connection = child
    # More than the socket holds, in both directions: the child must go on reading.
    numbers = range(2, 60_000)
    for number in numbers:
        connection.sendall(ping_frame(number))
    for number in numbers:
        pong(connection, number)


def test_an_idle_child_uses_no_processor(child: Child) -> None:
    process, connection = child
    for number in range(2, 100):
        ping(connection, number)
    time.sleep(0.3)
    before = processor_time(process.pid)
    time.sleep(1)
    assert processor_time(process.pid) - before <= 0.03


def processor_time(pid: int) -> float:
    """Seconds of the process, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_an_editor_that_reads_nothing_any_more_still_ends_the_child(
    child: Child,
) -> None:
    process, connection = child
    assert process.stderr
    process.stderr.close()
    connection.close()
    assert process.wait(10) == ORPHANED


def test_a_connection_that_ends_inside_a_frame_ends_the_child(child: Child) -> None:
    process, connection = child
    connection.sendall(struct.pack("<IBBHII", 1 << 20, PING, 0, 1, 5, 0).ljust(HEADER, b"\0"))
    connection.close()
    assert process.wait(10) == ORPHANED
    assert process.stderr
    assert b"the editor closed the connection" in process.stderr.read()


def test_the_end_of_the_life_line_ends_the_child(child: Child) -> None:
    process, _connection = child
    assert process.stdin
    process.stdin.close()
    assert process.wait(10) == ORPHANED
