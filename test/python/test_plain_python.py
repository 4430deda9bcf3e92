"""Scripts under plain ``python``: no editor, the same code."""

import json
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "python"


def run(source: str, *args: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", source, *args],
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        env={"PYTHONPATH": str(PACKAGE), "PATH": ""},
    )


def test_the_terminal_answers_for_the_editor() -> None:
    done = run(
        "from symphony_bridge import host\n"
        "host.editor.message('ready', level='warning')\n"
        "host.editor.progress(0.5, 'half')\n"
        "print(host.editor.ask('sure?'), host.editor.active_text())"
    )
    assert done.stdout == "[warning] ready\n[ 50%] half\nFalse None\n", done.stderr


def test_what_a_terminal_cannot_do_says_so() -> None:
    done = run("from symphony_bridge import host\nhost.billing.charge(3)")
    assert done.returncode == 1
    assert "HostUnavailable: no editor is connected, so billing.charge() is not available" in done.stderr


def test_the_awaitable_form_is_answered_too() -> None:
    done = run(
        "import asyncio\nfrom symphony_bridge import host\nprint(asyncio.run(host.editor.ask_async('sure?')))"
    )
    assert done.stdout == "False\n", done.stderr


def test_a_limit_is_a_positive_number_of_seconds() -> None:
    done = run(
        "from datetime import timedelta\n"
        "from symphony_bridge import host\n"
        "print(host.editor.with_(timeout=timedelta(seconds=1)).ask('sure?'))\n"
        "print(host.editor.with_(timeout=None).active_text.with_(timeout=5)())\n"
        "for wrong in (0, -1, float('nan'), float('inf')):\n"
        "    try: host.editor.ask.with_(timeout=wrong)\n"
        "    except ValueError as error: print(error)"
    )
    refused = [f"timeout must be a positive number of seconds, not {it}" for it in ("0", "-1", "nan", "inf")]
    assert done.stdout.splitlines() == ["False", "None", *refused], done.stderr


def test_importing_starts_no_threads() -> None:
    done = run("import threading, symphony_bridge\nprint(threading.active_count())")
    assert done.stdout == "1\n", done.stderr


RUN_SCRIPT = """
import json, sys
from symphony_bridge import _runner
print(json.dumps(_runner.run_script(sys.argv[1], sys.argv[2:])))
"""


def test_a_script_runs_as_main_with_its_arguments_and_folder(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("WORD = 'found'\n")
    script = tmp_path / "script.conductor.py"
    script.write_text(
        "import sys, beside\n"
        "assert __name__ == '__main__' and sys.modules['__main__'].beside is beside\n"
        "print(beside.WORD, sys.argv[1:])\n"
    )
    done = run(RUN_SCRIPT, str(script), "a", "b")
    printed, result = done.stdout.splitlines()
    assert printed == "found ['a', 'b']"
    assert json.loads(result) == {"exit_code": 0, "leaks": []}


def test_exit_codes_are_those_of_plain_python(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    for statement, code in [("sys.exit()", 0), ("sys.exit(3)", 3), ("sys.exit('no')", 1)]:
        script.write_text(f"import sys\n{statement}\n")
        done = run(RUN_SCRIPT, str(script))
        assert json.loads(done.stdout)["exit_code"] == code, done.stderr


def test_a_script_may_close_or_replace_its_streams(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import io, sys\nsys.stdout = io.StringIO()\nsys.stdout.close()\nsys.stderr = None\nsys.exit('no')"
    )
    done = run(RUN_SCRIPT, str(script))
    assert json.loads(done.stdout)["exit_code"] == 1, done.stderr


def test_a_span_does_not_hide_an_error_without_words() -> None:
    done = run(
        "from symphony_bridge import trace\n"
        "class Mute(Exception):\n"
        "    def __str__(self): raise RuntimeError('no words')\n"
        "try:\n"
        "    with trace.span('work'): raise Mute\n"
        "except Mute: print('mute')"
    )
    assert done.stdout == "mute\n", done.stderr


def test_a_span_of_an_async_generator_may_end_in_another_task() -> None:
    done = run(
        "import asyncio\n"
        "from symphony_bridge import trace\n"
        "async def rows():\n"
        "    with trace.span('rows'): yield 1\n"
        "async def main():\n"
        "    generator = rows()\n"
        "    await asyncio.create_task(generator.__anext__())\n"
        "    await generator.aclose()\n"
        "    print('closed')\n"
        "asyncio.run(main())"
    )
    assert done.stdout == "closed\n", done.stderr
