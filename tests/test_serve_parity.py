"""Both engines give the same answers: prompts over real faces, LoRA adapters, streaming. vLLM runs in this process."""

import contextlib
import random
import sys

import numpy as np
import pytest

from emollm.answer import prompt
from emollm.explainer import edit_subject, explain, prepare
from emollm.facs.units import ACTION_UNITS
from emollm.model.engine import engine
from emollm.model.processor import face_input

pytest.importorskip("vllm")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="vLLM runs on Linux")

PROMPTS, EQUAL = 200, 0.99
QUESTIONS = (prompt.DEFAULT_QUESTION, prompt.DEFAULT_QUESTION, "What is moving here?", "Which emotion is it commonly read as?",
             ["What is moving here?", "AU12 lip corner puller | both | 3.0 marked | still | mouth corner pulled up", "Why?"])


@pytest.fixture(scope="module")
def ours():
    return engine("pocket")


@pytest.fixture(scope="module")
def vllm(lora_folder):
    import os

    os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", "nobind")  # the other tests of this process keep their cores
    from emollm_vllm.plugin.engine import VLLMEngine

    return VLLMEngine("pocket", enable_lora=True, max_lora_rank=8)


@pytest.fixture(scope="module")
def subjects(ours, astronaut_file, two_faces_file, astronaut_clip, request):
    """Readable faces of photographs and a clip; the development pictures too where they are."""
    sources = [astronaut_file, two_faces_file, astronaut_clip]
    with contextlib.suppress(pytest.skip.Exception):
        sources += sorted((request.getfixturevalue("dev_data") / "samples").glob("*.jpg"))
    found = [s for source in sources for s in _readable(source, ours.shape)]
    assert len(found) >= 4
    return found


def _readable(source, shape):
    from emollm.schema import NoFaceError

    try:
        return prepare(source, shape).readable_subjects
    except NoFaceError:
        return []


@pytest.fixture(scope="module")
def prompts(subjects):
    """(face inputs, questions, observations), PROMPTS of each: every face with random what-ifs and questions."""
    rng, faces, questions, observed = random.Random(4), [], [], []
    for k in range(PROMPTS):
        units = rng.sample(sorted(ACTION_UNITS), rng.choice((0, 1, 2, 4)))
        s = edit_subject(subjects[k % len(subjects)], {u: rng.choice((0.0, round(rng.uniform(1.3, 5), 1))) for u in units})
        faces.append(face_input(s.series, s.events, s.key_frames, s.chips, s.seen))
        questions.append(rng.choice(QUESTIONS))
        observed.append(prompt.observe(s.series, s.events) if rng.random() < 0.7 else None)
    return faces, questions, observed


def answers(of, prompts, size):
    faces, questions, observed = prompts
    return [a for k in range(0, len(faces), size)
            for a in of.answer(faces[k:k + size], questions[k:k + size], observed[k:k + size])]


def test_greedy_answers_are_equal(ours, vllm, prompts):
    """Differing pixels, tokens, masks or weights on either side would show in nearly every answer."""
    one, other = answers(ours, prompts, 20), answers(vllm, prompts, PROMPTS)
    assert len({a.text for a in one}) > PROMPTS / 4
    equal = [a.text == b.text for a, b in zip(one, other, strict=True)]
    assert np.mean(equal) >= EQUAL
    for a, b, same in zip(one, other, equal, strict=True):
        if same:
            assert a.distribution == pytest.approx(b.distribution, abs=1e-4)
            assert a.complete == b.complete


def test_the_main_path_is_the_same(vllm, astronaut_file, two_faces_file):
    for source in (astronaut_file, two_faces_file, "1C+2C+5D+26D"):
        for a, b in zip(explain(source), explain(source, engine=vllm), strict=True):
            assert a.text == b.text
            assert [c.verdict for c in a.claims] == [c.verdict for c in b.claims]


ANGER = {"AU06": 0.0, "AU12": 0.0, "AU25": 0.0, "AU04": 4.0, "AU05": 3.0, "AU07": 4.0, "AU23": 4.0}


@pytest.mark.parametrize("grounded", [True, False])
def test_the_label_follows_stated_evidence_in_both(vllm, astronaut_file, grounded):
    """A smile with the movements of anger stated: a route that knew pixels alone would say happiness, as it does unedited."""
    for changes, label in ((ANGER, "anger"), (None, "happiness")):
        for engine_of in (None, vllm):
            (found,) = explain(astronaut_file, what_if=changes, grounded=grounded, engine=engine_of)
            assert found.label == label == max(found.distribution, key=found.distribution.get)
            assert found.text.partition("Conclusion: ")[2].startswith(label)
            assert ("AU12" in found.because) == (changes is None)


def test_codes_without_pixels_rest_on_the_movements_in_both(vllm):
    for engine_of in (None, vllm):
        (found,) = explain("4D+7D+17D+23D+24D", engine=engine_of)
        assert found.label == "anger"
        assert found.distribution == pytest.approx(found.witnesses["movements"], abs=1e-3)


def test_movements_that_are_none_are_refused(vllm):
    from emollm_vllm.plugin.witness import MOVEMENTS
    from vllm import SamplingParams
    from vllm.exceptions import VLLMValidationError

    with pytest.raises(VLLMValidationError, match=MOVEMENTS):
        vllm.llm.generate("x", SamplingParams(max_tokens=1, extra_args={MOVEMENTS: [0.5]}), use_tqdm=False)


@pytest.mark.parametrize("grounded", [True, False])
def test_a_stream_is_the_answer(ours, vllm, prompts, grounded):
    faces, _, observed = prompts
    k = next(k for k, o in enumerate(observed) if o is not None)
    asked = (faces[k], "What is moving here?", observed[k] if grounded else None)
    for of in (ours, vllm):
        begun = of.stream(*asked)
        assert [next(begun), next(begun)]
        begun.close()  # the rest of an answer that nobody reads must not run into the next one
        pieces = list(of.stream(*asked))
        assert len(pieces) > 3
        whole = of.answer(*[[a] for a in asked])[0]
        assert whole.text.startswith("".join(pieces))  # answer() also brings it to a label


def test_an_adapter_gives_the_answers_of_peft(ours, vllm, lora_folder, with_peft, prompts):
    from vllm.lora.request import LoRARequest

    some = tuple(column[:12] for column in prompts)
    before = answers(ours, some, 12)
    served = vllm.answer(*some, lora=LoRARequest("trained", 1, str(lora_folder)))
    again = answers(vllm, some, 12)
    assert [a.text for a in answers(with_peft, some, 12)] == [a.text for a in served]
    assert [a.text for a in again] == [a.text for a in before] != [a.text for a in served]
