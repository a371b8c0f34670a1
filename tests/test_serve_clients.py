"""One list of client bodies: the server and `emollm caption` give each of them the same answer, or the same refusal."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from client_bodies import bodies, odd
from serve_fixtures import encoded

from emollm import cli
from emollm.answer.mend import mend
from emollm.schema import AUEvent, AUSeries


@pytest.fixture(scope="module")
def picture(astronaut) -> bytes:
    return encoded(astronaut, "JPEG", quality=95)


@pytest.fixture(scope="module")
def captions(picture, tmp_path_factory) -> dict[str, dict]:
    """What `emollm caption` writes for all of them: name -> output line."""
    folder = tmp_path_factory.mktemp("clients")
    given = bodies(picture) | {name: body for name, (body, _) in odd(picture).items()}
    lines = [{"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": body} for name, body in given.items()]
    (folder / "requests.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    cli.main(["caption", str(folder / "requests.jsonl"), "-o", str(folder / "out.jsonl"), "--progress", "none"])
    found = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    return {line["custom_id"]: line for line in found if "custom_id" in line}


def test_there_are_many():
    assert len(bodies(b"")) >= 60


def test_the_server_and_caption_answer_alike(http, picture, captions):
    def ask(body: dict):
        return http.post("/v1/chat/completions", json=body | {"emollm": {"grounded": True}})

    given, told = bodies(picture), {}
    with ThreadPoolExecutor(8) as pool:  # answered together
        for name, answer in zip(given, pool.map(ask, given.values()), strict=True):
            assert answer.status_code == 200, (name, answer.text)
            told[name] = answer.json()["choices"][0]["message"]["content"]
    assert len(set(told.values())) == 1, "all of them ask the same"
    for name, text in told.items():
        body = captions[name]["response"]["body"]
        (explained,) = body["emollm"]
        series, events = AUSeries.from_dict(explained["evidence"]), [AUEvent(**e) for e in explained["events"]]
        checked = mend(text, series, events, explained["distribution"]).text  # as caption does; a chat's prose is as written
        assert body["choices"][0]["message"]["content"] == checked, name


def test_what_the_server_refuses_names_its_field(http, picture):
    for name, (body, field) in odd(picture).items():
        answer = http.post("/v1/chat/completions", json=body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, field), (name, answer.text)


def test_what_has_no_picture_is_an_error_line_of_caption(picture, captions):
    for name in ("cut base64", "no url", "empty", "no picture"):
        assert captions[name]["error"]["message"], name
