"""The Pit's operations as the editor offers them."""

import inspect
import json

import pytest
from symphony_bridge import _operations, errors, pit


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMPHONY_PIT_HOME", str(tmp_path))


def test_thirteen_operations_are_described():
    described = _operations.operations()
    assert [operation["name"] for operation in described] == list(_operations.PORT)
    assert len(described) == 13
    for operation in described:
        assert operation["summary"], operation["name"]
        json.dumps(operation)


def test_parameters_are_those_of_the_functions():
    described = {operation["name"]: operation["parameters"] for operation in _operations.operations()}
    for name, parameters in described.items():
        taken = list(inspect.signature(getattr(pit, name)).parameters)
        assert [parameter["name"] for parameter in parameters] == taken
    for name, told in _operations._TYPED.items():
        assert set(told) <= {parameter["name"] for parameter in described[name]}
    accepted = {parameter["name"]: parameter["accepts"] for parameter in described["store_artifact"]}
    assert accepted == {
        "content": ["string"],
        "content_type": ["string", "null"],
        "metadata": ["object", "null"],
        "tags": ["array", "null"],
        "parents": ["array", "null"],
        "name": ["string", "null"],
    }


@pytest.mark.parametrize(
    ("annotation", "accepted"),
    [
        ("str", ["string"]),
        ("Id", ["string"]),
        ("int", ["number"]),
        ("bool", ["boolean"]),
        ("Optional[Seconds]", ["number", "null"]),
        ("Mapping[str, Any]", ["object"]),
        ("Optional[Mapping[str, int]]", ["object", "null"]),
        ("Union[Graph, Mapping[str, Any]]", []),
        ("Sequence[str] | None", ["array", "null"]),
        ("Any", []),
        ("", []),
    ],
)
def test_annotations_say_which_json_fits(annotation, accepted):
    assert _operations._accepted(annotation) == accepted


def test_an_artifact_is_stored_and_comes_back_as_text():
    stored = json.loads(
        _operations.invoke("store_artifact", {"content": "grüße", "content_type": "text/plain"})
    )
    back = json.loads(_operations.invoke("retrieve_artifact", {"id": stored}))
    assert back == {"bytes": 7, "text": "grüße"}


def test_a_workflow_names_its_functions():
    definition = {
        "name": "small",
        "steps": [{"name": "one", "callable": "builtins:repr"}],
    }
    workflow = json.loads(_operations.invoke("create_workflow", {"definition": definition}))
    run = json.loads(_operations.invoke("execute_workflow", {"workflow": workflow}))
    assert json.loads(_operations.invoke("get_workflow_status", {"run": run}))["name"] == "small"


def test_records_become_objects():
    request = {"context_type": "test", "data": {}, "options": ["a", "b"]}
    decision = json.loads(_operations.invoke("submit_decision", {"request": request}))
    assert decision["choice"] in ("a", "b")


def test_errors_are_those_of_the_pit():
    with pytest.raises(errors.PitError):
        _operations.invoke("retrieve_artifact", {"id": "no id at all"})
    with pytest.raises(LookupError, match="it has allocate_model"):
        _operations.invoke("no_such", {})
