"""More than a thousand requests nobody would send: from the server's own OpenAPI description, and good ones gone wrong.

Every one of them must be answered, below status 500 and in the shape of an error, and the server must live on.
"""

import copy
import json
from collections import Counter

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)
from serve_fixtures import BLOB, LEAKS, asked, good, image, text

from emollm.explanation import Explanation
from emollm.schema import AU_NAMES

pytestmark = pytest.mark.timeout(1800)
OWN_CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
JSON_TYPE = {"Content-Type": "application/json"}
AT_LEAST = 1000
counted: Counter = Counter()  # requests by test


def many(count: int):
    """As many examples, the same ones in every run."""
    return settings(max_examples=count, deadline=None, derandomize=True, database=None, print_blob=False,
                    suppress_health_check=list(HealthCheck))


def check(answer) -> None:
    """Answered, and when refused then in OpenAI's shape and without the server's inside."""
    assert answer.status_code < 500, answer.text[:500]
    if answer.status_code < 400:
        return
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    assert 0 < len(error["message"]) <= 520
    assert not [leak for leak in LEAKS if leak in error["message"]], error["message"]
    assert not BLOB.search(error["message"]), error["message"]


# --- from the server's own description -------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def described(server):
    return schemathesis.openapi.from_url(f"{server.url}/openapi.json", timeout=60)


@pytest.fixture(scope="module")
def session():
    import requests

    with requests.Session() as made:
        yield made


def bounded(case) -> None:
    """A short answer, so that a thousand of them take minutes."""
    if isinstance(case.body, dict):
        for name in ("max_tokens", "max_completion_tokens"):
            given_tokens = case.body.get(name)
            if given_tokens is None or (isinstance(given_tokens, int) and given_tokens > 8):
                case.body[name] = 8
        if isinstance(case.body.get("n"), int):
            case.body["n"] = min(case.body["n"], 2)


@pytest.mark.parametrize("mode", ["positive", "negative"])
@pytest.mark.parametrize(("route", "count", "checks"), [
    ("/v1/measure", 150, OWN_CHECKS), ("/v1/explain", 200, OWN_CHECKS), ("/v1/chat/completions", 100, [not_a_server_error])])
def test_described_requests(described, session, http, sent, route, count, checks, mode):
    operation = described[route]["POST"]
    rejected = [negative_data_rejection] if mode == "negative" and checks is OWN_CHECKS else []

    @many(count)
    @given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode(mode)))
    def run(case):
        if route.endswith("completions"):
            bounded(case)
        answer = case.call(session=session, timeout=120)
        counted[f"{route} {mode}"] += 1
        case.validate_response(answer, checks=[*checks, *rejected])
        check(answer)

    run()
    good(http, sent)


# --- good requests gone wrong ----------------------------------------------------------------------------------------

ODD = st.sampled_from([
    None, True, False, -1, 0, 1, 3, 2**31, 2**63, -2**63, 10**30, 1e308, 0.5, -0.5, "", "a", "\0", "\u00e9\U0001f642" * 50,
    "auto", "json", [], [None], [1], [-1], [2**40], [""], ["a"], [[]], [[1]], {}, {"a": 1}, {"1": 1}, {"1": -1e9}, {"-1": 1},
    {"a": None}, {"type": "a"}, {"type": "json_object"}, {"type": "text"}, {"type": "json_schema"}, {"regex": "["},
    {"json": {"$ref": "#"}}, {"type": "json_schema", "json_schema": {"name": "a", "schema": {"$ref": "#"}}},
    {"grammar": "root ::= root"}, {"regex": "[^\\s\\S]"}, {"choice": []}, {"grammar": ""},
    {"json": {}}, {"json": "{"}, {"include_usage": True}, "a" * 70_000])
NAMES = st.sampled_from([*AU_NAMES, "AU99", "4", "au4", "", "\u00b2", "1" * 5000, "a"])
LEVELS = st.one_of(ODD, st.floats(-1, 6), st.lists(st.one_of(st.floats(0, 5), ODD), max_size=3))


def posted(http, name: str, route: str, body) -> object:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = http.post(route, content=content, headers=JSON_TYPE)
    counted[name] += 1
    check(answer)
    return answer


def test_any_field_of_a_chat_with_any_value(described, http, sent):
    fields = sorted(described.raw_schema["components"]["schemas"]["ChatCompletionRequest"]["properties"])
    assert len(fields) > 50

    @many(250)
    @given(st.dictionaries(st.sampled_from([*fields, "emollm", "mm_processor_kwargs"]), ODD, min_size=1, max_size=2))
    def run(changes):
        posted(http, "fields", "/v1/chat/completions", asked(image(sent.photo), text("Name it."), max_tokens=2) | changes)

    run()
    good(http, sent)


def test_any_part_of_a_message_with_any_value(http, sent):
    body = asked(image(sent.photo), text("Name it."), max_tokens=2)

    @many(200)
    @given(st.sampled_from(list(places(body["messages"]))), ODD)
    def run(place, value):
        changed = copy.deepcopy(body)
        posted(http, "messages", "/v1/chat/completions", changed | {"messages": put(changed["messages"], place, value)})

    run()
    good(http, sent)


def places(value, here: tuple = ()):
    """Paths to everything inside a JSON value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inside:
        yield (*here, key)
        yield from places(part, (*here, key))


def put(value, place: tuple, new):
    """The JSON value with something else at a place."""
    inside = value
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = new
    return value


def test_any_choice_for_a_picture(http, sent):
    chosen = st.fixed_dictionaries({}, optional={
        "face": st.one_of(ODD, st.lists(ODD, min_size=1, max_size=2)), "au": st.lists(
            st.one_of(ODD, st.dictionaries(NAMES, LEVELS, max_size=2)), max_size=2),
        "what_if": st.lists(st.one_of(ODD, st.dictionaries(NAMES, LEVELS, max_size=2)), min_size=1, max_size=1)})

    @many(250)
    @given(chosen)
    def run(kwargs):
        posted(http, "choices", "/v1/chat/completions",
               asked(image(sent.photo), text("Name it."), max_tokens=2, mm_processor_kwargs=kwargs))

    run()
    good(http, sent)


def test_any_measurement_as_evidence(http, sent):
    """What is taken as a measurement is explained with numbers, and what is not says which part of it is wrong."""
    units = len(AU_NAMES)
    series = {"aus": list(AU_NAMES), "times": [0.0, 0.5], "intensity": [[[1.0, 1.0]] * units] * 2,
              "confidence": [[1.0] * units] * 2, "measured": [True] * units, "estimator": "test", "baseline": "none",
              "version": "1", "face_id": 0}
    where = [p for p in places(series) if len(p) == 1 or p[1] in (0, 1)]

    @many(150)
    @given(st.sampled_from(where), st.one_of(ODD, st.floats(0, 5)))
    def run(place, value):
        changed = put(json.loads(json.dumps(series)), place, value)
        answer = posted(http, "evidence", "/v1/explain", {"evidence": changed, "question": "Name the emotion only."})
        if answer.status_code == 200:
            explanation, = map(Explanation.from_dict, answer.json()["explanations"])
            shares = explanation.distribution.values()
            assert explanation.label is None or abs(sum(shares) - 1) < 1e-3

    run()
    good(http, sent)


def test_any_letters_of_a_body(http, sent):
    """Bytes of a good request taken out, put in or doubled."""
    body = json.dumps(asked(image("data:image/png;base64,AAAA"), text("Name it."), max_tokens=2, temperature=0.5)).encode()

    @many(150)
    @given(st.integers(0, len(body)), st.integers(0, 40), st.one_of(st.binary(max_size=4), st.sampled_from(
        [b"\\ud800", b"[" * 3000, b"1e999", b"NaN", b"\xff", b'"', b"}", b"\\u0000", b"9" * 5000])))
    def run(at, dropped, new):
        posted(http, "letters", "/v1/chat/completions", body[:at] + new + body[at + dropped:])

    run()
    good(http, sent)


def test_that_was_more_than_a_thousand():
    if len(counted) < 11:
        pytest.skip("only some of the tests of this file ran")
    assert sum(counted.values()) >= AT_LEAST, counted
