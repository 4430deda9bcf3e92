"""What the Pit's tests share: a Pit in memory, and a second process on the same home."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

PACKAGE_FOLDER = Path(__file__).resolve().parents[2] / "python"


def start_python(
    code: str, home: Path | str, *arguments: Path | str, **settings: str
) -> subprocess.Popen[str]:
    """Run ``code`` with ``arguments`` in a new Python whose default Pit is at ``home``."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(PACKAGE_FOLDER),
        "SYMPHONY_PIT_HOME": str(home),
        **settings,
    }
    return subprocess.Popen(
        [sys.executable, "-u", "-c", code, *map(str, arguments)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_python(code: str, home: Path | str, *arguments: Path | str, **settings: str) -> str:
    """As ``start_python``; waits, and returns what it printed. Fails when it fails."""
    process = start_python(code, home, *arguments, **settings)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out


def query(home: Path, sql: str) -> list[tuple[object, ...]]:
    """Ask the database in a process of its own: two SQLite libraries in one process break its locks."""
    code = f"import sqlite3; print(sqlite3.connect({str(home / 'pit.sqlite')!r}).execute({sql!r}).fetchall())"
    return ast.literal_eval(run_python(code, home))
