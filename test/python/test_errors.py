"""Exceptions on their way to TypeScript and back."""

import asyncio
import builtins
import importlib
import pickle
import sys
import traceback

import pytest
from symphony_bridge import _error_codes, _error_frames, _error_payload, errors

describe = _error_payload.describe
rebuild = _error_payload.rebuild

JS_FRAMES = [
    {"language": "typescript", "function": "ask", "file": "/ext/editor.ts", "line": 12, "column": 3},
    {"language": "typescript", "function": "check", "file": "/ext/editor.ts", "line": 40, "column": 9},
]


def raised(action) -> BaseException:
    try:
        action()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def fail_inside() -> None:
    raise ValueError("no such thing")


def js_error(**more) -> BaseException:
    return rebuild({"code": "host-error", "message": "too far", "type": "RangeError", "frames": [], **more})


def throw(error: BaseException) -> None:
    raise error


def printed(error: BaseException) -> str:
    return "".join(traceback.format_exception(type(error), error, error.__traceback__))


def test_frames_are_in_call_order_and_name_file_and_line() -> None:
    description = describe(raised(fail_inside))
    assert [frame["function"] for frame in description["frames"]] == ["raised", "fail_inside"]
    assert description["frames"][-1]["file"] == __file__
    assert description["frames"][-1]["line"] == fail_inside.__code__.co_firstlineno + 1
    assert (description["type"], description["message"]) == ("ValueError", "no such thing")


def test_causes_and_notes_come_along() -> None:
    def chained() -> None:
        try:
            fail_inside()
        except ValueError as error:
            raise KeyError("config") from error

    error = raised(chained)
    error.__notes__ = ["while reading the configuration"]
    description = describe(error)
    assert description["message"] == "'config'"
    assert description["notes"] == ["while reading the configuration"]
    assert description["cause"]["type"] == "ValueError"


def test_a_context_is_a_cause_unless_it_is_suppressed() -> None:
    def handling(suppress: bool) -> None:
        try:
            fail_inside()
        except ValueError:
            if suppress:
                raise KeyError("b") from None
            raise KeyError("a")  # noqa: B904

    assert describe(raised(lambda: handling(False)))["cause"]["type"] == "ValueError"
    assert describe(raised(lambda: handling(True)))["cause"] is None


def test_a_cause_that_is_its_own_cause_ends() -> None:
    error = ValueError("loop")
    error.__cause__ = RuntimeError("other")
    error.__cause__.__cause__ = error
    assert describe(error)["cause"]["cause"] is None


def test_a_chain_of_any_length_is_described() -> None:
    error = ValueError("first")
    for number in range(5000):
        outer = ValueError(number)
        outer.__cause__ = error
        error = outer
    depth = 0
    description = describe(error)
    while description.get("cause"):
        description = description["cause"]
        depth += 1
    assert 10 < depth < 100
    assert "left out" in description["notes"][0]


class Broken(Exception):
    """Raises whatever one asks of it."""

    def __str__(self) -> str:
        raise RuntimeError("broken")

    __repr__ = __str__

    def __getattribute__(self, name: str):
        if name in ("hint", "code", "details", "component", "__notes__", "message", "exceptions"):
            raise RuntimeError(name)
        return super().__getattribute__(name)

    def __setattr__(self, name: str, value: object) -> None:
        raise RuntimeError(name)


class BrokenKey(KeyError):
    """KeyErrors were told by the repr of their key, which once stood outside the guard."""


class Unprintable:
    """A key or message without a text."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


@pytest.mark.parametrize(
    "error",
    [
        Broken("x"),
        BrokenKey(Unprintable()),
        KeyError(Unprintable()),
        errors.BridgeError(Unprintable()),
        errors.HostError(Unprintable()),
        errors.PitError(Unprintable()),
    ],
)
def test_an_error_that_cannot_be_told_is_told_all_the_same(error: BaseException) -> None:
    assert "RuntimeError" in describe(error, keep=lambda _error: 1)["message"]
    assert "RuntimeError" in _error_payload.title(error)


def test_describing_keeps_the_story_and_lets_go_of_the_variables() -> None:
    error = raised(lambda: [fail_inside() for _ in "1"])
    before = [line for line in printed(error).splitlines() if not set(line) <= set(" ~^")]
    assert describe(error, keep=lambda _error: 7)["exception"] == 7
    assert [line for line in printed(error).splitlines() if not set(line) <= set(" ~^")] == before
    walked = error.__traceback__
    while walked is not None:
        assert walked.tb_frame.f_locals == {}
        assert walked.tb_frame.f_back is None
        walked = walked.tb_next


def test_endless_recursion_is_told_in_a_few_frames() -> None:
    def again() -> None:
        again()

    description = describe(raised(again), keep=lambda _error: 1)
    assert len(description["frames"]) < 10
    assert "more times" in description["frames"][-1]["function"]
    assert str(sys.getrecursionlimit()) in description["hint"]


def test_many_frames_are_cut_in_the_middle() -> None:
    frames = [{**JS_FRAMES[0], "line": line} for line in range(1, 1000)]
    shown = _error_frames.frames_of(_error_frames.traceback_of(frames))
    assert len(shown) == 201
    assert (shown[0]["line"], shown[-1]["line"]) == (1, 999)
    assert "799 frames" in shown[100]["function"]


def test_a_syntax_error_points_at_its_own_line() -> None:
    error = raised(lambda: compile("x = 1\ndef f(:\n", "script.py", "exec"))
    description = describe(error)
    assert description["frames"][-1] == {
        "language": "python",
        "function": "<module>",
        "file": "script.py",
        "line": 2,
    }
    assert description["details"]["text"] == "def f(:\n"
    line, caret = description["details"]["excerpt"].splitlines()
    assert (line.strip(), line[caret.index("^")]) == ("def f(:", ":")


def test_a_missing_module_is_told_with_the_command_for_this_interpreter() -> None:
    missing = describe(raised(lambda: __import__("yaml_that_is_not")))
    assert missing["details"]["name"] == "yaml_that_is_not"
    assert f"{sys.executable} -m pip install yaml_that_is_not" in missing["hint"]
    assert "pip install Pillow" in describe(ModuleNotFoundError("no", name="PIL.Image"))["hint"]
    inside = describe(raised(lambda: __import__("json.nothing")))
    assert "has no module json.nothing" in inside["hint"]


@pytest.mark.parametrize(
    ("error", "details", "hint"),
    [
        (FileNotFoundError(2, "No such file", "a.txt"), {"errno": 2, "filename": "a.txt"}, "relative to"),
        (PermissionError(13, "Denied", "/etc/shadow"), {"errno": 13}, "/etc/shadow"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), {"encoding": "utf-8", "start": 0}, "encoding"),
        (KeyError("k"), {"key": "k"}, ""),
        (SystemExit(3), {"exit_code": 3, "code": 3}, "sys.exit"),
        (SystemExit("bye"), {"exit_code": 1, "code": "bye"}, "sys.exit"),
        (SystemExit(), {"exit_code": 0}, "sys.exit"),
        (StopIteration(5), {"value": 5}, "next()"),
        (StopAsyncIteration(), None, "async for"),
        (KeyboardInterrupt(), None, "Ctrl+C"),
        (MemoryError(), None, "less"),
        (GeneratorExit(), None, "generator"),
        (asyncio.CancelledError(), None, "inside Python"),
    ],
)
def test_python_s_own_exceptions_bring_their_fields_and_a_next_step(error, details, hint) -> None:
    description = describe(error)
    assert description["code"] == "python-exception"
    assert hint in description["hint"]
    assert details is None or details.items() <= description["details"].items()


def test_details_that_do_not_travel_are_told_as_text() -> None:
    error = errors.BridgeError("x", code="some-code", hint="do this")
    error.details = {"field": "memory_mb", "value": object, "broken": Unprintable()}
    description = describe(error)
    assert (description["code"], description["hint"]) == ("some-code", "do this")
    assert description["details"]["value"] == repr(object)
    assert "RuntimeError" in description["details"]["broken"]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("closed", errors.BridgeClosed),
        ("cancelled", errors.CallCancelled),
        ("deadline", errors.CallCancelled),
        ("host-timeout", errors.HostTimeout),
        ("host-unavailable", errors.HostUnavailable),
        ("host-error", errors.HostError),
        ("anything-else", errors.HostError),
    ],
)
def test_rebuilding_gives_the_class_of_the_code(code: str, kind: type) -> None:
    error = rebuild({"code": code, "message": "no", "type": "Error", "stack": ""})
    assert type(error) is kind
    assert (str(error), error.code) == ("no", code)
    assert error.hint


def test_a_javascript_error_reads_as_one_traceback() -> None:
    def script() -> None:
        raise js_error(frames=JS_FRAMES, stack="RangeError: too far", notes=["while asking"])

    error = raised(script)
    text = printed(error)
    ours = text.index(", in script")
    assert ours < text.index('File "/ext/editor.ts", line 12, in ask') < text.index("line 40, in check")
    assert text.index("line 40, in check") < text.index(".HostError: RangeError: too far")
    assert (error.name, error.message, error.js_stack) == ("RangeError", "too far", "RangeError: too far")
    assert error.__notes__ == ["while asking"]
    description = describe(error)
    assert description["message"] == "too far"
    assert [frame["language"] for frame in description["frames"]] == ["python"] * 2 + ["typescript"] * 2
    assert description["frames"][-2:] == JS_FRAMES


def test_a_javascript_error_has_its_cause_and_fields() -> None:
    error = js_error(cause={"message": "inner", "type": "Error", "frames": []}, details={"code": "ENOENT"})
    assert isinstance(error.__cause__, errors.HostError)
    assert str(error.__cause__) == "inner"
    assert error.details == {"code": "ENOENT"}


def test_an_exception_that_passed_through_typescript_is_the_same_object() -> None:
    error = raised(fail_inside)
    original = ["a reference"]
    payload = {"message": "", "ref": 9, "original": original, "frames": [*JS_FRAMES, {"language": "python"}]}
    back = rebuild(payload, kept=lambda number: error if number == 9 else None)
    assert back is error
    shown = [frame["function"] for frame in describe(raised(lambda: throw(error)))["frames"]]
    assert shown[-4:] == ["ask", "check", "raised", "fail_inside"]
    assert describe(error, keep=lambda _error: 1)["original"] == original
    assert isinstance(rebuild(payload, kept=lambda _number: None), errors.HostError)


def test_errors_reach_other_processes_without_their_references() -> None:
    reference = lambda: None  # noqa: E731  (nothing that could be pickled)
    passed = rebuild({"message": "", "ref": 1, "original": [reference]}, kept=lambda _number: KeyError("k"))
    group = js_error(errors=MEMBERS, original=[reference])
    for error in (js_error(original=[reference], details={"code": "ENOENT"}), passed, group):
        copy = pickle.loads(pickle.dumps(error))
        assert type(copy) is type(error)
        assert str(copy) == str(error)
        assert describe(copy, keep=lambda _error: 1)["original"] is None
    assert group.js_error is reference


def test_an_exception_that_refuses_attributes_comes_back_too() -> None:
    error = Broken("x")
    assert rebuild({"message": "", "ref": 1, "frames": JS_FRAMES}, kept=lambda _number: error) is error


MEMBERS = [
    {"message": "a", "type": "TypeError", "frames": []},
    {"message": "b", "type": "Error", "frames": []},
]


def test_groups_are_aggregate_errors_both_ways() -> None:
    # Before 3.11 pytest itself brings the backport.
    group = (
        getattr(builtins, "ExceptionGroup", None) or importlib.import_module("exceptiongroup").ExceptionGroup
    )
    inner = group("inner", [KeyError("k")])
    description = describe(group("outer", [ValueError("v"), inner]))
    assert description["message"] == "outer"
    assert [member["type"] for member in description["errors"]] == ["ValueError", "ExceptionGroup"]
    assert description["errors"][1]["errors"][0]["type"] == "KeyError"
    error = js_error(type="AggregateError", errors=MEMBERS)
    assert isinstance(error, group)
    assert isinstance(error, errors.HostError)
    assert [str(member) for member in error.exceptions] == ["TypeError: a", "b"]
    assert error.message == "too far"
    assert [member["message"] for member in describe(error)["errors"]] == ["a", "b"]


def test_an_aggregate_error_has_its_members_without_groups(monkeypatch) -> None:
    monkeypatch.setattr(errors, "host_error_group", lambda: None)
    error = js_error(type="AggregateError", errors=MEMBERS)
    assert [str(member) for member in error.errors] == ["TypeError: a", "b"]
    assert [member["message"] for member in describe(error)["errors"]] == ["a", "b"]


def test_a_foreign_code_is_not_taken_for_ours() -> None:
    class Status(Exception):
        def code(self) -> int:
            return 404

    class Foreign(Exception):
        code = "e3q8"

    assert describe(Status())["code"] == "python-exception"
    assert describe(Foreign())["code"] == "python-exception"
    assert describe(SystemExit("bye"))["code"] == "python-exception"


def test_regression_a_panic_names_component_and_operation_and_is_no_error_of_the_pit() -> None:
    error = errors.NativePanic(
        "text_index.find panicked: boom",
        component="text_index",
        operation="find",
        details={"panic": "boom"},
    )
    error.raised_at("panic", "src/lib.rs", 88)
    description = describe(raised(lambda: throw(error)))
    known = {key: description[key] for key in ("origin", "code", "component", "operation", "details")}
    assert known == {
        "origin": "bridge",
        "code": "native-panic",
        "component": "text_index",
        "operation": "find",
        "details": {"panic": "boom"},
    }
    assert (description["frames"][-1]["file"], description["frames"][-1]["line"]) == ("src/lib.rs", 88)
    bare = errors.NativePanic("boom")
    assert (bare.component, bare.operation, bare.details) == ("", "", {})


def test_the_pit_s_lines_stand_in_the_traceback() -> None:
    place = ("pit::pool::allocate", "native/pit/src/pool.rs", 88)
    error = raised(lambda: throw(errors.PitNotFound("no model", component="pool", rust_frames=[place])))
    assert 'File "native/pit/src/pool.rs", line 88, in pit::pool::allocate' in printed(error)
    description = describe(error)
    assert description["frames"][-1]["language"] == "rust"
    assert sum(frame["language"] == "rust" for frame in description["frames"]) == 1


def test_every_class_has_a_code_of_the_list_and_a_hint() -> None:
    for name in errors.__all__:
        kind = getattr(errors, name)
        assert kind.code in _error_codes.HINTS, name
        assert kind("x").hint
