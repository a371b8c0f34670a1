"""An adapter that `emollm serve --lora NAME=DIR` serves by name: the answers of peft, and the base beside it unchanged."""

import sys

import httpx
import openai
import pytest
from serve_fixtures import Server, asked, check_refusal, data_url, encoded, image, text

from emollm.explainer import explain, prepare
from emollm.explanation import Explanation
from emollm.model.engine import engine
from emollm.model.processor import face_input

pytest.importorskip("vllm")
pytestmark = [pytest.mark.timeout(900), pytest.mark.skipif(sys.platform != "linux", reason="vLLM runs on Linux")]

NAME, TOKENS = "clinic", 60
QUESTIONS = ("Why is this face read the way it is?", "What is moving here?", "Name the emotion only.")
SAMPLES = ("sad_stock.jpg", "surprise_frontal.jpg", "smile_outdoors.jpg", "portrait_neutral.jpg")


@pytest.fixture(scope="module")
def adapted(lora_folder, tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("adapted"), "--talker", "none", "--lora", f"{NAME}={lora_folder}")
    try:
        yield running.wait()
    finally:
        running.stop()


@pytest.fixture(scope="module")
def client(adapted):
    with openai.OpenAI(base_url=f"{adapted.url}/v1", api_key="none", max_retries=0, timeout=300) as made:
        yield made


@pytest.fixture(scope="module")
def pictures(astronaut, request) -> list[bytes]:
    """Files of real faces; the development pictures too where they are."""
    found = [encoded(astronaut), encoded(astronaut[:, ::-1]), encoded(astronaut[0:280, 84:364], "JPEG", quality=90)]
    try:
        folder = request.getfixturevalue("dev_data") / "samples"
    except pytest.skip.Exception:
        return found
    return found + [(folder / name).read_bytes() for name in SAMPLES]


@pytest.fixture(scope="module")
def prompts(pictures) -> list[tuple[bytes, str]]:
    first = [(pictures[0], question) for question in QUESTIONS]
    return first + [(file, QUESTIONS[k % len(QUESTIONS)]) for k, file in enumerate(pictures[1:])]


def over_http(client, prompts, model: str) -> list[str]:
    bodies = [asked(image(data_url(file)), text(question), max_tokens=TOKENS) | {"model": model} for file, question in prompts]
    answers = [client.chat.completions.create(**body, temperature=0) for body in bodies]
    assert {a.model for a in answers} == {NAME if model == NAME else "pocket"}  # emollm is a second name of pocket
    return [a.choices[0].message.content for a in answers]


def in_process(with_engine, prompts) -> list[str]:
    """The same with transformers."""
    from emollm_vllm.plugin.faces import choose_subject

    from emollm.model.generate import stream

    found = []
    for file, question in prompts:
        s = choose_subject(prepare(file, with_engine.shape))
        face = face_input(s.series, s.events, s.key_frames, s.chips, s.seen)
        pieces = stream(with_engine.model, with_engine.processor, face, question, max_new_tokens=TOKENS)
        found.append("".join(pieces))
    return found


def test_the_adapter_is_listed_by_its_name(client):
    listed = {m.id: m for m in client.models.list()}
    assert list(listed) == ["pocket", "emollm", NAME]
    assert listed[NAME].parent == "pocket"
    assert listed[NAME].root == NAME  # and not the folder it lies in


def test_answers_are_those_of_peft_and_the_base_stays_the_base(client, prompts, with_peft):
    base = over_http(client, prompts, "pocket")
    adapted = over_http(client, prompts, NAME)
    assert over_http(client, prompts, "emollm") == base  # after the adapter was used, too
    assert base == in_process(engine("pocket"), prompts)
    assert adapted == in_process(with_peft, prompts)
    assert adapted != base  # how many differ hangs on the weights


def test_both_in_one_batch(client, prompts):
    """Requests to the adapter and to the base that are computed together keep apart."""
    from concurrent.futures import ThreadPoolExecutor

    models = [NAME, "pocket"] * 4
    with ThreadPoolExecutor(len(models)) as pool:
        together = list(pool.map(lambda model: over_http(client, prompts[:1], model), models))
    alone = {model: over_http(client, prompts[:1], model) for model in set(models)}
    assert alone[NAME] != alone["pocket"]
    assert together == [alone[model] for model in models]


def test_explain_with_the_adapter(adapted, astronaut_file, with_peft):
    picture = data_url(astronaut_file.read_bytes())
    for model, of in ((NAME, with_peft), ("pocket", engine("pocket")), (None, engine("pocket"))):
        body = {"media": picture, "grounded": False} | ({"model": model} if model else {})
        answer = httpx.post(f"{adapted.url}/v1/explain", json=body, timeout=300)
        assert answer.status_code == 200, answer.text
        found, expected = answer.json(), explain(str(astronaut_file), engine=of, grounded=False)[0]
        assert found["model"] == (model or "pocket")
        told = Explanation.from_dict(found["explanations"][0])
        assert (told.text, told.label, told.model) == (expected.text, expected.label, model or "pocket")
        assert told.distribution == pytest.approx(expected.distribution, abs=1e-4)


def test_an_unknown_adapter_is_not_there(client, adapted, pictures):
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(**asked(image(data_url(pictures[0])), text()) | {"model": "klinik"})
    check_refusal(caught.value.body, "model", ("klinik", "does not exist"))
    assert caught.value.code == "model_not_found"
    answer = httpx.post(f"{adapted.url}/v1/explain", json={"evidence": "12", "model": "klinik"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")
    check_refusal(answer.json()["error"], None, ("klinik", "does not exist"))
