"""The API under requests made up from its own OpenAPI document, fit ones and unfit."""

import warnings

import pytest
from hypothesis import HealthCheck, given, settings

from forecaster.web.app import create_app
from forecaster.web.guarding import Guard
from forecaster.web.opening import Reader

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import schemathesis
    from schemathesis import GenerationMode

PATHS = [
    *("/api/summary", "/api/universe", "/api/ticker", "/api/history"),
    *("/api/fan", "/api/runs", "/api/failures", "/api/models"),
]
WITHOUT_PARAMETERS = ("/api/summary", "/api/models")
TOO_LONG = 414
N_EXAMPLES = 20


@pytest.fixture(scope="session")
def schema(demonstration):
    # Its client calls the server by this name.
    app = Guard(create_app(Reader.open(demonstration)), hosts=["testserver"])
    return schemathesis.openapi.from_asgi("/api/openapi.json", app)


def test_the_document_knows_each_path(schema):
    operations = [one.ok() for one in schema.get_all_operations()]
    assert sorted(one.path for one in operations) == sorted(PATHS)
    assert {one.method.upper() for one in operations} == {"GET"}
    assert schema.raw_schema["openapi"].startswith("3.1")
    for one in operations:
        assert {"200", "503"} <= set(one.definition.raw["responses"])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("mode", [*GenerationMode], ids=lambda mode: mode.value)
@pytest.mark.parametrize("path", PATHS)
def test_every_answer_is_as_described(schema, path, mode):
    """No 5xx, each answer of a documented status, kind and schema; unfit ones 4xx."""
    if path in WITHOUT_PARAMETERS and mode is GenerationMode.NEGATIVE:
        assert not schema[path]["GET"].definition.raw.get("parameters")
        return
    codes = []

    @settings(
        max_examples=N_EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=[*HealthCheck],
    )
    @given(case=schema[path]["GET"].as_strategy(generation_mode=mode))
    def ask(case):
        answer = case.call()
        codes.append(answer.status_code)
        if answer.status_code == TOO_LONG:  # which its checks take for an acceptance
            assert answer.json()["detail"]
            return
        case.validate_response(answer)

    ask()
    assert codes
    if mode is GenerationMode.NEGATIVE:
        # Some unfit values read as fit ones: a run of 1.0 is run 1.
        assert set(codes) <= {200, 404, TOO_LONG, 422}
        assert 422 in codes
    else:
        assert set(codes) <= {200, 404}
