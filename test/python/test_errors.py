"""Exceptions on their way to TypeScript and back."""

import pytest
from symphony_bridge import errors


def raised(action) -> BaseException:
    try:
        action()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def fail_inside() -> None:
    raise ValueError("no such thing")


def test_frames_are_in_call_order_and_name_file_and_line() -> None:
    description = errors.describe(raised(fail_inside))
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
    description = errors.describe(error)
    assert description["message"] == "'config'"
    assert description["notes"] == ["while reading the configuration"]
    assert description["cause"]["type"] == "ValueError"


def test_a_cause_that_is_its_own_cause_ends() -> None:
    error = ValueError("loop")
    error.__cause__ = RuntimeError("other")
    error.__cause__.__cause__ = error
    assert errors.describe(error)["cause"]["cause"] is None


def test_a_message_that_cannot_be_made_does_not_hide_the_error() -> None:
    class Broken(Exception):
        def __str__(self) -> str:
            raise RuntimeError("broken")

    assert "RuntimeError" in errors.describe(Broken())["message"]


def test_a_syntax_error_points_at_its_own_line() -> None:
    error = raised(lambda: compile("x = 1\ndef f(:\n", "script.py", "exec"))
    assert errors.describe(error)["frames"][-1] == {
        "language": "python",
        "function": "<module>",
        "file": "script.py",
        "line": 2,
    }


def test_details_that_do_not_travel_are_told_as_text() -> None:
    error = errors.BridgeError("x", code="some-code", hint="do this")
    error.details = {"field": "memory_mb", "value": object}
    description = errors.describe(error)
    assert (description["code"], description["hint"]) == ("some-code", "do this")
    assert description["details"] == {"field": "memory_mb", "value": repr(object)}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("closed", errors.BridgeClosed),
        ("cancelled", errors.CallCancelled),
        ("host-unavailable", errors.HostUnavailable),
        ("host-error", errors.HostError),
        ("anything-else", errors.HostError),
    ],
)
def test_rebuilding_gives_the_class_of_the_code(code: str, kind: type) -> None:
    error = errors.rebuild({"code": code, "message": "no", "type": "RangeError", "stack": ""})
    assert type(error) is kind
    assert str(error) == "no"


def test_an_editor_error_shows_its_javascript_stack() -> None:
    stack = "RangeError: too far\n    at ask (extension.ts:12:3)"
    error = errors.rebuild({"code": "host-error", "message": "too far", "type": "RangeError", "stack": stack})
    assert str(error) == "RangeError: too far\n    at ask (extension.ts:12:3)"
    assert errors.describe(error)["message"] == "too far"


def test_a_foreign_code_is_not_taken_for_ours() -> None:
    class Status(Exception):
        def code(self) -> int:
            return 404

    assert errors.describe(Status())["code"] == "python-exception"
    assert errors.describe(SystemExit("bye"))["code"] == "python-exception"
