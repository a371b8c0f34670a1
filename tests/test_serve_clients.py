"""One list of client bodies: the server and `emollm caption` give each of them the same answer, or the same refusal."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from client_bodies import bodies, odd, talks
from serve_fixtures import encoded

from emollm import cli
from emollm.answer.mend import mend
from emollm.answer.prompt import parse
from emollm.model.generate import end_at_conclusion
from emollm.schema import AUEvent, AUSeries


@pytest.fixture(scope="module")
def picture(astronaut) -> bytes:
    return encoded(astronaut, "JPEG", quality=95)


@pytest.fixture(scope="module")
def two(two_faces_file) -> bytes:
    return two_faces_file.read_bytes()


@pytest.fixture(scope="module")
def captions(picture, two, tmp_path_factory) -> dict[str, dict]:
    """What `emollm caption` writes for all of them: name -> output line."""
    folder = tmp_path_factory.mktemp("clients")
    given = bodies(picture) | talks(picture, two) | {name: body for name, (body, _) in odd(picture).items()}
    lines = [{"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": body} for name, body in given.items()]
    (folder / "requests.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    cli.main(["caption", str(folder / "requests.jsonl"), "-o", str(folder / "out.jsonl"), "--progress", "none"])
    found = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    return {line["custom_id"]: line for line in found if "custom_id" in line}


def stated(text: str) -> tuple:
    """What an answer claims of the face: its lines, each with side, strength and time, and its label."""
    parsed = parse(text)
    return tuple((o.au, o.side, o.intensity, o.interval) for o in parsed.observations), parsed.label


def whole_texts(body: dict) -> list[str]:
    return [explanation["text"] for explanation in body["emollm"]]


def test_there_are_many():
    assert len(bodies(b"")) >= 60


def test_the_server_and_caption_answer_alike(http, picture, two, captions):
    def ask(body: dict):
        return http.post("/v1/chat/completions", json=body | {"emollm": {"grounded": True}})

    alike, given, told, ends = bodies(picture), bodies(picture) | talks(picture, two), {}, {}
    with ThreadPoolExecutor(8) as pool:  # answered together
        for name, answer in zip(given, pool.map(ask, given.values()), strict=True):
            assert answer.status_code == 200, (name, answer.text)
            (choice,) = answer.json()["choices"]
            told[name], ends[name] = choice["message"]["content"], choice["finish_reason"]
    # Of two words that fit alike, which one is written may hang on what else is in the batch; what is claimed may not.
    assert len({stated(told[name]) for name in alike}) == 1, "all of them ask the same"
    assert Counter(told[name] for name in alike).most_common(1)[0][1] > 0.8 * len(alike)
    assert len(set(told.values())) > 5, "the others do not"
    same = []
    for name, text in told.items():
        body = captions[name]["response"]["body"]
        written = body["choices"][0]["message"]["content"]
        if {"max_tokens", "max_completion_tokens", "stop"} & given[name].keys() and written not in whole_texts(body):
            assert text == written and body["choices"][0]["finish_reason"] == ends[name], name
            continue
        explained = next(e for e in body["emollm"] if e["text"] == written)
        series, events = AUSeries.from_dict(explained["evidence"]), [AUEvent(**e) for e in explained["events"]]
        # A chat's prose is as written, and may stop before a conclusion; caption checks it, and brings it to one.
        brought = parse(text).label is None
        whole = f"{end_at_conclusion(text)} {explained['label']}." if brought else text
        assert stated(written) == stated(mend(whole, series, events, explained["distribution"]).text), name
        same.append(written == mend(whole, series, events, explained["distribution"]).text)
    assert np.mean(same) > 0.8


def test_what_the_server_refuses_names_its_field(http, picture):
    for name, (body, field) in odd(picture).items():
        answer = http.post("/v1/chat/completions", json=body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, field), (name, answer.text)


def test_what_has_no_picture_is_an_error_line_of_caption(picture, captions):
    for name, (_, field) in odd(picture).items():
        assert captions[name]["error"]["message"], name
        assert field.startswith("messages") or field in captions[name]["error"]["message"], name
