"""The routes beside chat completions: models, responses, completions, and our own /v1/measure and /v1/explain."""

import dataclasses
import json
import socket

import numpy as np
import openai
import pytest
from process_fixtures import until
from serve_fixtures import WHY, asked, check_refusal, data_url, encoded, good, text

import emollm
from emollm.answer import prompt
from emollm.explainer import measure
from emollm.explanation import Explanation
from emollm.schema import AU_NAMES, LABELS, AUSeries

pytestmark = pytest.mark.timeout(900)  # the first test waits for the server
SMILE = {"AU06", "AU12", "AU25"}


@pytest.fixture(scope="module")
def client(server):
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0, timeout=300) as made:
        yield made


# --- OpenAI's other routes -------------------------------------------------------------------------------------------

def test_models(client):
    assert [m.id for m in client.models.list()] == ["talker", "pocket", "emollm"]


def _input(url: str) -> list[dict]:
    return [{"role": "user", "content": [{"type": "input_image", "image_url": url, "detail": "auto"},
                                         {"type": "input_text", "text": WHY}]}]


def test_responses(client, sent):
    answer = client.responses.create(model="pocket", input=_input(sent.photo), max_output_tokens=300)
    assert answer.status == "completed"
    stated = prompt.parse(answer.output_text)
    assert stated.problems == []
    assert {o.au for o in stated.observations} == SMILE
    assert answer.output_text == client.chat.completions.create(
        **asked({"type": "image_url", "image_url": {"url": sent.photo}}, text(), max_tokens=300)).choices[0].message.content


def test_responses_stream(client, sent):
    events = list(client.responses.create(model="pocket", input=_input(sent.photo), max_output_tokens=40, stream=True))
    pieces = "".join(e.delta for e in events if e.type == "response.output_text.delta")
    assert pieces.startswith("AU06 cheek raiser")
    assert events[-1].type in ("response.completed", "response.incomplete")
    assert events[-1].response.output_text == pieces


def test_responses_without_a_face(client, http, sent):
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        client.responses.create(model="pocket", input=_input(sent.empty), max_output_tokens=8)
    check_refusal(caught.value.body, "input[0].content[0].image_url", ("no face could be measured",))
    two = _input(sent.photo)
    two[0]["content"][1:1] = _input(sent.damaged)[0]["content"][:1]
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model="pocket", input=two, max_output_tokens=8)
    check_refusal(caught.value.body, "input[0].content[1].image_url", ("picture 2 of 2: ", "damaged"))
    good(http, sent)


def test_responses_in_a_form_that_admits_nothing(client, http, sent):
    form = {"format": {"type": "json_schema", "name": "x", "schema": {"$ref": "#"}}}
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model="pocket", input=_input(sent.photo), max_output_tokens=8, text=form)
    check_refusal(caught.value.body, "text.format", ("reference",))
    good(http, sent)


def test_completions_are_text_alone(client):
    answer = client.completions.create(model="pocket", prompt="Interpretation: so.\nConclusion:", max_tokens=1,
                                       temperature=0)
    assert answer.object == "text_completion"
    assert answer.choices[0].text.strip() in LABELS


@pytest.mark.parametrize("given", [prompt.FACE, prompt.FACE_START + prompt.FACE_PAD * 40 + prompt.FACE_END])
def test_completions_take_no_face_from_text(client, given):
    spoiled, plain = (client.completions.create(model="pocket", prompt=p, max_tokens=8, temperature=0)
                      for p in (f"{given}Conclusion:", "Conclusion:"))
    assert spoiled.choices[0].text == plain.choices[0].text
    assert spoiled.usage.prompt_tokens == plain.usage.prompt_tokens


def test_completions_of_token_ids_of_a_face_kill_nothing(client, http, sent):
    from emollm.model.checkpoint import load_processor

    pad = load_processor("pocket").tokenizer.convert_tokens_to_ids(prompt.FACE_PAD)
    try:
        client.completions.create(model="pocket", prompt=[pad] * 20, max_tokens=2)
    except openai.BadRequestError as error:
        assert error.body["type"] == "invalid_request_error"
    good(http, sent)


# --- /v1/measure -----------------------------------------------------------------------------------------------------

def measured(http, media: str, **more) -> dict:
    answer = http.post("/v1/measure", json={"media": media, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_measure_photo_as_in_process(http, sent, astronaut_file):
    found = measured(http, sent.photo)
    face, = measure(str(astronaut_file))
    track, series = face.track, face.series
    assert found["object"] == "emollm.measurement"
    assert found["kind"] == "photo"
    assert len(found["faces"]) == 1
    face = found["faces"][0]
    assert face["series"] == series.to_dict()
    assert face["box"] == pytest.approx(track.boxes[0].tolist(), abs=0.1)
    assert face["readable"] is True
    assert (face["key_frames"], face["events"], face["shortcomings"]) == ([0.0], [], [])


def test_measure_clip(http, sent, clip_facts):
    found = measured(http, sent.clip)
    assert found["kind"] == "clip"
    smile, = (e for e in found["faces"][0]["events"] if e["au"] == "AU12")
    start, end = clip_facts.smile
    assert start < smile["apex"] < end
    assert len(found["faces"][0]["series"]["times"]) == clip_facts.frames
    assert measured(http, sent.clip, baseline="none")["faces"][0]["series"]["baseline"] == "none"


def test_measure_from_a_picture_at_rest(http, sent, astronaut_file):
    found = measured(http, sent.mirrored, baseline=sent.photo)
    face, = measure(sent.mirrored_pixels, baseline=str(astronaut_file))
    assert found["faces"][0]["series"] == face.series.to_dict() and face.series.baseline == "image"
    assert any("face at rest" in notice for notice in found["notices"])


def test_measure_two_faces(http, sent):
    faces = measured(http, sent.two)["faces"]
    assert [f["face_id"] for f in faces] == [0, 1]
    assert faces[1]["box"][0] - faces[0]["box"][0] == pytest.approx(280, abs=3)
    assert faces[1]["box"][1] - faces[0]["box"][1] == pytest.approx(20, abs=3)


def test_measure_without_a_face(http, sent):
    found = measured(http, sent.empty)
    assert (found["kind"], found["faces"]) == ("none", [])
    assert "no face could be measured" in found["notices"][0]


def test_measure_says_what_is_too_little(http, sent):
    face, = measured(http, sent.small)["faces"]
    assert face["readable"] is False
    assert "px wide" in face["shortcomings"][0]


# --- /v1/explain -----------------------------------------------------------------------------------------------------

def explained(http, **body) -> list[Explanation]:
    answer = http.post("/v1/explain", json=body)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["object"] == "emollm.explanation"
    assert found["model"] == "pocket"
    return [Explanation.from_dict(e) for e in found["explanations"]]


def streamed(http, **body) -> list[dict]:
    with http.stream("POST", "/v1/explain", json=body | {"stream": True}) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in answer.iter_lines() if line]
    assert lines[-1] == "data: [DONE]"
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]


def as_in_process(found: list[Explanation], expected: list[Explanation]) -> None:
    """Equal but for the name of the source and the last digits of probabilities."""
    assert len(found) == len(expected)
    for f, e in zip(found, expected, strict=True):
        assert f.distribution == pytest.approx(e.distribution, abs=1e-4)
        assert f.confidence == pytest.approx(e.confidence, abs=1e-4)
        assert f.witnesses["look"] == pytest.approx(e.witnesses["look"], abs=1e-4)
        assert f.witnesses["conflict"] == pytest.approx(e.witnesses["conflict"], abs=1e-3)
        same = {"distribution": e.distribution, "confidence": e.confidence, "source": e.source,
                "witnesses": f.witnesses | {k: e.witnesses[k] for k in ("look", "conflict")}}
        assert dataclasses.replace(f, **same).to_dict() == e.to_dict()


def test_explain_photo_as_in_process(http, sent, astronaut_file):
    found = explained(http, media=sent.photo)
    as_in_process(found, emollm.explain(str(astronaut_file)))
    assert found[0].label == "happiness"
    assert {c.verdict for c in found[0].claims if c.kind == "observation"} == {"supported"}


def test_explain_clip_as_in_process(http, sent, astronaut_clip):
    as_in_process(explained(http, media=sent.clip), emollm.explain(str(astronaut_clip)))


@pytest.mark.parametrize(("body", "options"), [
    ({"what_if": {"AU12": 0.0}}, {"what_if": {"AU12": 0.0}}), ({"grounded": False}, {"grounded": False}),
    ({"question": "Name the emotion only."}, {"question": "Name the emotion only."}), ({"face": 0}, {"face": 0}),
    ({"prior": "balanced"}, {"prior": "balanced"}), ({"prior": "crowd"}, {})])
def test_explain_choices_as_in_process(http, sent, astronaut_file, body, options):
    as_in_process(explained(http, media=sent.photo, **body), emollm.explain(str(astronaut_file), **options))


def test_explain_code_as_in_process(http):
    as_in_process(explained(http, evidence="6C+12D"), emollm.explain("6C+12D"))
    as_in_process(explained(http, evidence="6C+12D", prior="balanced"), emollm.explain("6C+12D", prior="balanced"))


def test_explain_levels(http):
    found, = explained(http, evidence={"AU04": 4.0, "24": [3.0, 2.5]})
    assert {c.au for c in found.claims if c.kind == "observation"} == {"AU04", "AU24"}
    assert [m for m, au in zip(found.evidence["measured"], AU_NAMES, strict=True) if m] == [True, True]


def test_explain_own_measurement_as_in_process(http, sent):
    stored = measured(http, sent.clip)["faces"][0]["series"]
    as_in_process(explained(http, evidence=stored), emollm.explain(AUSeries.from_dict(stored)))


def test_explain_media_with_own_action_units(http, sent):
    found, = explained(http, media=sent.photo, evidence="4D+24C")
    assert {c.au for c in found.claims if c.kind == "observation"} == {"AU04", "AU24"}
    assert found.box != []
    assert any("given, not measured here (hand)" in n for n in found.notices)


def test_explain_long_series_are_told_apart(http, sent):
    """Two measurements that differ in the middle alone, where a shortened print of both is the same."""
    times = np.arange(50) / 25
    blank = np.zeros((50, len(AU_NAMES), 2))
    found = []
    for au in ("AU04", "AU12"):
        intensity = blank.copy()
        intensity[20:30, AU_NAMES.index(au)] = 4.0
        series = AUSeries(times, intensity, np.ones((50, len(AU_NAMES))), np.ones(len(AU_NAMES), bool), "test")
        found += explained(http, media=sent.clip, evidence=series.to_dict())
    assert [{c.au for c in f.claims if c.kind == "observation"} for f in found] == [{"AU04"}, {"AU12"}]


def test_explain_two_faces(http, sent):
    found = explained(http, media=sent.two)
    assert [f.face_id for f in found] == [0, 1]
    assert [f.label for f in found] == ["happiness", "happiness"]
    assert [f.face_id for f in explained(http, media=sent.two, face=1)] == [1]


@pytest.mark.parametrize("body", [{}, {"question": "What else could it be?"}, {"grounded": False}])
def test_explain_stream(http, sent, body):
    events = streamed(http, media=sent.photo, **body)
    last = Explanation.from_dict(events[-1]["explanation"])
    pieces = "".join(e["delta"] for e in events[:-1])
    assert all(e["face_id"] == 0 for e in events[:-1])
    assert len(events) > (1 if body.get("question") else 3)  # a conclusion alone comes as one piece
    if any("brought to it" in n for n in last.notices):  # its conclusion was asked for afterwards
        assert last.text.startswith(pieces[:40])
    else:
        assert pieces == last.text
    assert last == explained(http, media=sent.photo, **body)[0]


def test_explain_stream_of_two_faces(http, sent):
    events = streamed(http, media=sent.two)
    ends = [k for k, e in enumerate(events) if "explanation" in e]
    assert [events[k]["explanation"]["face_id"] for k in ends] == [0, 1]
    assert {e["face_id"] for e in events[:ends[0]]} == {0}
    assert {e["face_id"] for e in events[ends[0] + 1:ends[1]]} == {1}


@pytest.mark.parametrize("stream", [False, True])
def test_explain_without_a_face(http, sent, stream):
    if stream:
        found = [Explanation.from_dict(e["explanation"]) for e in streamed(http, media=sent.empty)]
    else:
        found = explained(http, media=sent.empty)
    assert len(found) == 1
    assert (found[0].label, found[0].claims, found[0].text, found[0].evidence) == (None, [], "", None)
    assert "no face could be measured" in found[0].notices[0]


def test_explain_too_small_a_face(http, sent):
    found, = explained(http, media=sent.small)
    assert found.label is None
    assert "not enough to say" in found.notices[-1]


# --- a client that leaves ---------------------------------------------------------------------------------------------

def metric(http, name: str) -> float:
    lines = http.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(f"vllm:{name}{{"))


def running(http) -> float:
    """Requests in the engine."""
    return metric(http, "num_requests_running")


def tokens(http) -> float:
    """Written so far."""
    return metric(http, "generation_tokens_total")


@pytest.fixture(scope="module")
def eight(http, astronaut) -> tuple[str, float]:
    """A picture of eight faces, and how many tokens their explanations have."""
    picture, before = data_url(encoded(np.tile(astronaut[0:280, 84:364], (2, 4, 1)))), tokens(http)
    assert len(explained(http, media=picture)) == 8
    return picture, tokens(http) - before


@pytest.mark.parametrize("stream", [False, True])
def test_nothing_is_written_for_a_client_that_has_left(http, eight, sent, stream):
    """Eight faces are explained one after the other: the answer breaks off in one of them, and the next does not begin.

    So many that the answer outlasts many looks at the metrics. That it has begun is told by what was written, too: between
    two faces, and at the first look on a busy machine, nothing is running.
    """
    (picture, whole), before = eight, tokens(http)
    body = json.dumps({"media": picture, "stream": stream}).encode()
    address = http.base_url
    with socket.create_connection((address.host, address.port), timeout=60) as connection:
        connection.sendall(b"POST /v1/explain HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                           b"Content-Length: %d\r\n\r\n" % len(body) + body)
        until(lambda: running(http) == 1 or tokens(http) > before)
        if stream:
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
    until(lambda: running(http) == 0)
    assert not any(running(http) for _ in range(50))
    assert 0 <= tokens(http) - before < whole
    good(http, sent)


# --- mistakes --------------------------------------------------------------------------------------------------------

UNIT = {"aus": list(AU_NAMES), "times": [0.0], "intensity": [[[1.0, 1.0]] * 24], "confidence": [[1.0] * 24],
        "measured": [True] * 24, "estimator": "test"}
TWO = {"intensity": UNIT["intensity"] * 2, "confidence": UNIT["confidence"] * 2}
EVIDENCE = {
    "no AUSeries": ({"intensity": 1}, ("AUSeries",)), "deep times": (UNIT | {"times": [[[0]]]}, ("times",)),
    "no time": (UNIT | {"times": [None]}, ("times",)), "negative time": (UNIT | {"times": [-1.0]}, ("times",)),
    "time back": (UNIT | TWO | {"times": [1.0, 0.0]}, ("times", "later")), "late": (UNIT | {"times": [1e30]}, ("times",)),
    "same time": (UNIT | TWO | {"times": [0.0, 0.0]}, ("times",)), "shape": (UNIT | {"intensity": [[1]]}, ("shape",)),
    "above 5": (UNIT | {"intensity": [[[6, 6]] * 24]}, ("0 to 5",)),
    "below 0": (UNIT | {"intensity": [[[-1, 0]] * 24]}, ("0 to 5",)),
    "sure": (UNIT | {"confidence": [[2.0] * 24]}, ("0 to 1",)), "unsure": (UNIT | {"confidence": [[None] * 24]}, ("0 to 1",)),
    "who": (UNIT | {"estimator": {"a": 1}}, ("estimator",)), "who, at length": (UNIT | {"estimator": "x" * 999}, ("100",)),
    "face": (UNIT | {"face_id": "x"}, ("face_id",)), "face true": (UNIT | {"face_id": True}, ("face_id",)),
    "measured": (UNIT | {"measured": ["no"] * 24}, ("measured",)), "aus": (UNIT | {"aus": 3}, ("AUSeries",)),
    "order": (UNIT | {"aus": [*AU_NAMES][::-1]}, ("order",)), "ragged": (UNIT | {"intensity": [[1], 2]}, ("AUSeries",)),
    "frames": (UNIT | {"times": [0.0, 1.0]}, ("shape",)), "empty": (UNIT | {"times": [], "intensity": []}, ("shape",)),
    "code": ("hello", ("FACS code", "1+2+5D")), "unknown unit": ("99", ("99",)), "twice": ("12+12", ("twice",)),
    "level": ({"AU12": 9}, ("evidence AU12", "0 and 5")), "no level": ({"AU12": None}, ("object of action units",)),
    "no unit": ({}, ("names no action unit",)), "unit": ({"AU99": 1}, ("'AU99'", "AU01")),
    "odd unit": ({"\u00b2": 1}, ("unknown action unit",)), "half a letter": ({"\ud800": 1}, ("unknown action unit",)),
}


@pytest.mark.parametrize("name", EVIDENCE)
def test_mistakes_in_evidence(http, sent, name):
    stated, words = EVIDENCE[name]
    answer = http.post("/v1/explain", content=json.dumps({"evidence": stated}), headers={"Content-Type": "application/json"})
    assert answer.status_code == 400, answer.text
    check_refusal(answer.json()["error"], "evidence", words)
    good(http, sent)


MISTAKES = {  # route, body, status, param, words
    "nothing": ("explain", lambda m: {}, 400, "media", ("picture or clip, or evidence",)),
    "damaged": ("explain", lambda m: {"media": m.damaged}, 400, "media", ("damaged",)),
    "address": ("measure", lambda m: {"media": "http://example.org/a.jpg"}, 400, "media", ("opens no addresses",)),
    "path": ("measure", lambda m: {"media": "photo.jpg"}, 400, "media", ("data URL",)),
    "no media": ("measure", lambda m: {}, 400, "media", ("field required",)),
    "media a number": ("measure", lambda m: {"media": 1}, 400, "media", ("string",)),
    "extra": ("measure", lambda m: {"media": m.photo, "x": 1}, 400, "x", ("not permitted",)),
    "baseline": ("measure", lambda m: {"media": m.photo, "baseline": "mine"}, 400, "baseline", ("none, clip, or a picture",)),
    "baseline without a face": ("measure", lambda m: {"media": m.photo, "baseline": m.empty}, 400, "baseline", ("no face",)),
    "baseline of two": ("explain", lambda m: {"media": m.photo, "baseline": m.two}, 400, "baseline", ("shows 2 faces",)),
    "baseline a file": ("measure", lambda m: {"media": m.photo, "baseline": "file:///etc/passwd"}, 400, "baseline",
                        ("opens no files",)),
    "face": ("explain", lambda m: {"media": m.two, "face": 7}, 400, "media", ("no face 7", "0, 1")),
    "face a text": ("explain", lambda m: {"media": m.two, "face": "0"}, 400, "face", ("integer",)),
    "no faces": ("explain", lambda m: {"media": m.two, "max_faces": 0}, 400, "max_faces", ("greater than or equal to 1",)),
    "prior": ("explain", lambda m: {"media": m.photo, "prior": "even"}, 400, "prior", ("'crowd' or 'balanced'",)),
    "prior a number": ("explain", lambda m: {"evidence": "12", "prior": 1}, 400, "prior", ("'crowd' or 'balanced'",)),
    "prior of a measurement": ("measure", lambda m: {"media": m.photo, "prior": "crowd"}, 400, "prior", ("not permitted",)),
    "face below 0": ("explain", lambda m: {"media": m.two, "face": -1}, 400, "face", ("greater than or equal to 0",)),
    "what_if unit": ("explain", lambda m: {"media": m.photo, "what_if": {"AU99": 1}}, 400, "what_if", ("'AU99'",)),
    "what_if level": ("explain", lambda m: {"media": m.photo, "what_if": {"AU12": 6}}, 400, "what_if.AU12", ("equal to 5",)),
    "two faces, one code": ("explain", lambda m: {"media": m.two, "evidence": "12"}, 400, "media", ("face=N",)),
    "long question": ("explain", lambda m: {"media": m.photo, "question": "why " * 999}, 400, "question", ("tokens", "fewer")),
    "longer question": ("explain", lambda m: {"media": m.photo, "question": "a" * 4001}, 400, "question", ("4000",)),
    "long question, streamed": ("explain", lambda m: {"evidence": "12", "question": "why " * 999, "stream": True}, 400,
                                "question", ("tokens", "fewer")),
    "model": ("explain", lambda m: {"media": m.photo, "model": "gpt-x"}, 404, None, ("gpt-x",)),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(http, sent, name):
    route, body, status, param, words = MISTAKES[name]
    answer = http.post(f"/v1/{route}", json=body(sent))
    assert answer.status_code == status, answer.text
    check_refusal(answer.json()["error"], param, words)
    good(http, sent)


RAW = {  # method, route, headers, content, status, words
    "no JSON": ("POST", "/v1/chat/completions", "application/json", b'{"model":', 400, ("JSON",)),
    "no object": ("POST", "/v1/chat/completions", "application/json", b"[]", 400, ("object",)),
    "not a number": ("POST", "/v1/chat/completions", "application/json", b'{"temperature": NaN}', 400, ("JSON",)),
    "no UTF-8": ("POST", "/v1/chat/completions", "application/json", b'{"model": "\xff"}', 400, ("UTF-8",)),
    "half a letter": ("POST", "/v1/completions", "application/json",
                      b'{"model": "pocket", "prompt": "a", "stop": ["\\ud800"]}', 400, ("Unicode",)),
    "deep": ("POST", "/v1/chat/completions", "application/json", b"[" * 100_000, 400, ("JSON",)),
    "a form": ("POST", "/v1/chat/completions", "application/x-www-form-urlencoded", b"a=1", 415, ("application/json",)),
    "measure no JSON": ("POST", "/v1/measure", "application/json", b"{", 400, ("JSON",)),
    "measure deep": ("POST", "/v1/measure", "application/json", b'{"media":' * 100_000, 400, ("body",)),
    "measure a form": ("POST", "/v1/measure", "text/plain", b"media=1", 400, ("body",)),
    "explain no object": ("POST", "/v1/explain", "application/json", b"3", 400, ("object",)),
    "nothing there": ("GET", "/v1/nothing", None, b"", 404, ("/v1/nothing",)),
    "not that way": ("GET", "/v1/measure", None, b"", 405, ("method",)),
    "not served": ("POST", "/invocations", "application/json", b"{}", 404, ("/invocations",)),
}


@pytest.mark.parametrize("name", RAW)
def test_mistakes_in_http(http, sent, name):
    method, route, kind, content, status, words = RAW[name]
    answer = http.request(method, route, content=content, headers={"Content-Type": kind} if kind else {})
    assert answer.status_code == status, answer.text
    check_refusal(answer.json()["error"], answer.json()["error"]["param"], words)
    good(http, sent)


def test_too_large_a_body(http, sent):
    answer = http.post("/v1/measure", json={"media": "data:image/png;base64," + "A" * (33 * 2**20)})
    assert answer.status_code == 413
    check_refusal(answer.json()["error"], None, ("32 MB", "smaller"))
    good(http, sent)


def test_huge_picture_is_not_decoded(http, sent):
    from PIL import Image

    bomb = data_url(encoded(Image.new("1", (25_000, 20_000))))  # 62 MB as pixels of one bit, 60 KB as a file
    answer = http.post("/v1/measure", json={"media": bomb})
    assert answer.status_code == 400
    check_refusal(answer.json()["error"], "media", ("50 megapixels", "smaller"))
    good(http, sent)
