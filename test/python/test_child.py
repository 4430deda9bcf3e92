"""The child process, with this test in the editor's place."""

import ctypes
import os
import signal
import socket
import struct
import subprocess
import sys
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
    connection.sendall(struct.pack("<IBBHII", HEADER, PING, 0, 1, number, 0).ljust(HEADER, b"\0"))
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
    waiting = [
        task.name
        for task in tasks.iterdir()
        if (task / "comm").read_text().startswith(("conductor-reade", "conductor-lifel"))
    ]
    assert len(waiting) == 2
    for task in waiting:
        assert ctypes.CDLL(None).syscall(TGKILL, process.pid, int(task), signal.SIGINT) == 0
    ping(connection, 2)
    ping(connection, 3)
    assert process.poll() is None


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
