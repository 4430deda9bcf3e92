"""What errors of the Pit carry besides their words: what led to them in Rust, and the lines that panicked."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path
from typing import Any

import pytest
from symphony_bridge import _error_payload, _native, pit

PROBES = Path(__file__).resolve().parents[2] / "native" / "python" / "src" / "pit" / "probes.rs"
WORDS = "a planted fault of the Pit"


def test_regression_an_error_of_the_disk_has_its_os_error_as_the_cause(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("where a folder should be")
    with pytest.raises(pit.PitStorage) as caught:
        pit.Pit(file / "pit").artifacts.store("x")
    cause = caught.value.__cause__
    assert isinstance(cause, NotADirectoryError)
    assert (cause.errno, cause.strerror) == (errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    described = _error_payload.describe(caught.value)["cause"]
    assert (described["type"], described["details"]["errno"]) == ("NotADirectoryError", errno.ENOTDIR)


def test_regression_a_file_that_is_not_there_is_a_cause_too(tmp_path: Path) -> None:
    with pytest.raises(pit.PitNotFound) as caught:
        pit.Pit(":memory:").artifacts.store(tmp_path / "missing")
    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_regression_an_error_of_the_database_tells_what_sqlite_said(tmp_path: Path) -> None:
    (tmp_path / "pit.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(pit.PitDamaged) as caught:
        pit.Pit(tmp_path).artifacts.store("x")
    said: list[str] = []
    cause = caught.value.__cause__
    while cause is not None:
        assert type(cause) is RuntimeError
        said.append(str(cause))
        cause = cause.__cause__
    assert "file is not a database" in said[0]
    # SQLITE_NOTADB.
    assert "26" in said[-1]


def test_an_error_without_a_cause_has_none() -> None:
    with pytest.raises(pit.PitInvalid) as caught:
        pit.Pit(":memory:").artifacts.retrieve("no id")
    assert caught.value.__cause__ is None


def check(error: Any) -> None:
    """Fail unless ``error`` tells of the planted panic."""
    assert (error.code, error.component, error.operation) == ("pit-internal", "home", "panic")
    assert (error.message, error.details) == (f"the Pit panicked: {WORDS}", {"panic": WORDS})
    [(function, file, line)] = error.rust_frames
    assert (function, file) == ("pit::home::panic", "native/python/src/pit/probes.rs")
    assert WORDS in PROBES.read_text(encoding="utf-8").splitlines()[line - 1]
    assert "Report it" in error.hint


@pytest.mark.parametrize("way", ["run", "detach", "wait", "wait-blocking"])
def test_regression_a_panic_tells_words_and_line(way: str) -> None:
    with pytest.raises(pit.PitInternal) as caught:
        _native._pit_panic(way)
    check(caught.value)


@pytest.mark.parametrize("way", ["spawn", "offload", "making", "converting"])
def test_regression_a_panic_of_an_awaitable_tells_words_and_line(way: str) -> None:
    async def main() -> None:
        await asyncio.wait_for(_native._pit_panic(way), 20)

    with pytest.raises(pit.PitInternal) as caught:
        asyncio.run(main())
    check(caught.value)


def test_the_pit_goes_on_after_panics() -> None:
    here = pit.Pit(":memory:")
    for _ in range(3):
        with pytest.raises(pit.PitInternal):
            _native._pit_panic("detach")
    assert here.artifacts.retrieve(here.artifacts.store("x")) == b"x"
