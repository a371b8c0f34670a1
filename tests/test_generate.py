"""Grounded decoding: even an untrained model states only what was measured; answers always reach a conclusion."""

import copy
import dataclasses
import random

import numpy as np
import pytest
import torch

from emollm.answer import prompt, verify
from emollm.answer.grammar import Grammar, asks_for_reasons
from emollm.answer.witnesses import Movements
from emollm.facs.units import ACTION_UNITS
from emollm.model.generate import conclude, generate, split_probability, stream
from emollm.model.processor import face_input
from emollm.model.tokenizer import is_label_next, label_position, label_tokens
from emollm.schema import LABELS
from emollm.training.record import Record
from emollm.training.records import encode_records
from emollm.training.stages import train_step
from emollm.what_if import edit

QUESTION = prompt.DEFAULT_QUESTION


def observation(au="AU12", side="both", intensity=3.0, interval=None):
    return prompt.Observation(au, side, intensity, interval, "")


def lines_of(o) -> list[str]:
    start = prompt.render_observation(prompt.Observation(o.au, o.side, o.intensity, o.interval, ""))
    return [f"{start}{look}\n" for look in ACTION_UNITS[o.au].look]


# --- the grammar --------------------------------------------------------------------------------------------------

WHICH = "Which movements do you see?"


def test_an_answer_begins_with_any_measured_line():
    one, two = observation("AU04"), observation("AU12", "left", 1.8, (0.4, 1.8))
    assert Grammar([one, two], WHICH).continuations("") == [*lines_of(one), *lines_of(two), prompt.CONCLUSION]


def test_reasons_leave_no_measured_line_out():
    one, two = observation("AU04"), observation("AU12")
    grammar = Grammar([one, two])
    assert grammar.continuations("") == lines_of(one)
    assert grammar.continuations(lines_of(one)[0]) == lines_of(two)
    assert grammar.continuations(lines_of(one)[0] + lines_of(two)[1]) == [prompt.INTERPRETATION]


@pytest.mark.parametrize("question", [
    prompt.DEFAULT_QUESTION, "what emotion is it and why?", "Explain the emotion in this face.", "what makes her look angry",
    ["Which emotion?", "Conclusion: anger.", "How come?"]])
def test_a_question_for_reasons_gets_them(question):
    """In any wording and at any turn: a conclusion alone is no way to answer it."""
    grammar = Grammar([observation()], question)
    assert prompt.CONCLUSION not in grammar.continuations("")
    assert prompt.CONCLUSION in Grammar([observation()], "Which emotion is it?").continuations("")
    assert not grammar.may_end(lines_of(observation())[0])


def test_a_short_answer_may_be_asked_for():
    assert not asks_for_reasons("Why? In one sentence, please.")
    assert not asks_for_reasons("what is the expression?")


def test_lines_keep_facs_order():
    one, two = observation("AU04"), observation("AU12")
    grammar = Grammar([one, two], WHICH)
    after_first = grammar.continuations(lines_of(one)[2])
    assert after_first == [*lines_of(two), prompt.INTERPRETATION, prompt.CONCLUSION]
    assert grammar.continuations(lines_of(two)[0]) == [prompt.INTERPRETATION, prompt.CONCLUSION]  # AU04 cannot follow AU12


def test_a_line_goes_on_as_it_began():
    grammar = Grammar([observation("AU04"), observation("AU12")], WHICH)
    assert grammar.continuations("AU") == [c[2:] for o in ("AU04", "AU12") for c in lines_of(observation(o))]
    rest = "AU12 lip corner puller | both | 3.0 marked | still | lip corner "
    looks = [c.removeprefix("lip corner ") for c in ACTION_UNITS["AU12"].look if c.startswith("lip corner ")]
    assert grammar.continuations(rest) == [f"{look}\n" for look in looks]
    assert grammar.continuations("AU12 lip corner puller | left") == []


def test_the_interpretation_begins_as_a_whole():
    grammar = Grammar([observation()])
    done = lines_of(observation())[0]
    assert grammar.continuations(done + "Inter") == ["pretation:"]
    assert grammar.continuations("Inter") == []  # not before any evidence


@pytest.mark.parametrize("tail", ["Interpretation:", "Interpretation: so", "Interpretation: so\nConclusion: fear",
                                  "Interpretation: so\nAU04 brow lowerer | both"])
def test_after_the_observations_the_model_is_free(tail):
    assert Grammar([observation()]).continuations(lines_of(observation())[0] + tail) is None
    assert Grammar([]).continuations(f"{prompt.NOTHING}\n{tail}") is None


def test_a_face_at_rest_says_so():
    grammar = Grammar([])
    assert grammar.continuations("") == [f"{prompt.NOTHING}\n"]
    assert grammar.continuations(prompt.NOTHING[:5]) == [f"{prompt.NOTHING[5:]}\n"]
    assert grammar.continuations(f"{prompt.NOTHING}\n") == [prompt.INTERPRETATION]
    assert f"{prompt.NOTHING}\n" not in Grammar([observation()]).continuations("")


# --- an untrained model -------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def drawn(drawn_face):
    """Six invented faces with their inputs, photos and clips, one of them at rest."""
    seeds = [0, 1, 2, 3, 4]
    faces = [drawn_face(seed)[:4] for seed in seeds]
    quiet = edit(faces[0][0], faces[0][1], dict.fromkeys(ACTION_UNITS, 0.0))
    faces.append((*quiet, [0], prompt.observe(*quiet)))
    return faces, [face_input(*f[:3]) for f in faces]


@pytest.fixture(scope="module")
def grounded(tiny, drawn):
    """Grounded answers of an untrained model to all six faces."""
    faces, inputs = drawn
    observed = [prompt.observe(series, events) for series, events, *_ in faces]
    return generate(*tiny, inputs, [QUESTION] * len(inputs), observed, max_new_tokens=640)


def test_grounded_lines_are_measured_ones(drawn, grounded):
    """Names, sides, levels and times are those of the measurement, in order, whatever the model would rather write."""
    listed = 0
    for (series, events, *_), answer in zip(drawn[0], grounded, strict=True):
        parsed = prompt.parse(answer.text)
        assert not [p for p in parsed.problems if "observation" in p], answer.text
        measured = {o.au: o for o in prompt.observe(series, events)}
        for o in parsed.observations:
            assert (o.side, o.intensity) == (measured[o.au].side, measured[o.au].intensity)
            assert prompt.format_interval(o.interval) == prompt.format_interval(measured[o.au].interval)
            assert o.look in ACTION_UNITS[o.au].look
        order = [o.au for o in parsed.observations]
        assert order == [au for au in measured if au in order]
        claims = verify.claims(parsed, answer.text, series, events)[:len(order)]
        assert {c.verdict for c in claims} <= {"supported"}
        listed += len(order)
    assert listed >= 3  # else the checks above saw nothing
    assert prompt.parse(grounded[-1].text).observations_text == prompt.NOTHING


def test_grounded_decoding_is_per_row(tiny, drawn, grounded):
    """One grammar per face: a face alone gets the same answer as in the batch."""
    faces, inputs = drawn
    for row in (1, 5):
        alone = generate(*tiny, inputs[row:row + 1], [QUESTION], [prompt.observe(*faces[row][:2])], max_new_tokens=640)
        assert alone[0].text == grounded[row].text


def test_the_grammar_can_be_turned_off(tiny, drawn):
    free = generate(*tiny, drawn[1], [QUESTION] * 6, max_new_tokens=20)
    assert all(prompt.parse(a.text).problems for a in free)


def test_runaway_answers_are_concluded(tiny, drawn):
    """An answer cut by the length limit still gets a label and a distribution, and says that it was not complete."""
    for limit in (3, 20):
        for answer, face in zip(generate(*tiny, drawn[1], [QUESTION] * 6, max_new_tokens=limit), drawn[1], strict=True):
            assert not answer.complete
            begun, _, label = answer.text.rpartition(f"\n{prompt.CONCLUSION} ")
            assert label == f"{max(answer.distribution, key=answer.distribution.get)}."
            assert prompt.parse(answer.text).label == label[:-1]
            again = conclude(*tiny, face, QUESTION, f"{begun}\n{prompt.CONCLUSION}")
            assert again == pytest.approx(answer.look, abs=1e-5)


def test_no_special_token_is_ever_written(grounded):
    """A face placeholder in an answer has no face: reading the answer again would fail, and users would see it."""
    assert not any(token in answer.text for answer in grounded for token in prompt.SPECIAL_TOKENS)


def test_distributions_are_distributions(grounded):
    for answer in grounded:
        assert list(answer.distribution) == list(LABELS)
        assert sum(answer.distribution.values()) == pytest.approx(1)
        assert min(answer.distribution.values()) > 0


def test_temperature_flattens_the_distribution(tiny, drawn):
    model, processor = copy.deepcopy(tiny[0]), tiny[1]
    text = f"{prompt.NOTHING}\nInterpretation: so.\nConclusion:"
    sharp = conclude(model, processor, drawn[1][0], QUESTION, text)
    model.config.label_temperature = 2.0
    flat = conclude(model, processor, drawn[1][0], QUESTION, text)
    assert max(flat.values()) < max(sharp.values())
    roots = {label: share**0.5 for label, share in sharp.items()}
    assert flat == pytest.approx({label: root / sum(roots.values()) for label, root in roots.items()}, abs=1e-5)


# --- a model that has learnt its answers by heart -----------------------------------------------------------------

@pytest.fixture(scope="module")
def learnt(tiny, photo_of):
    """(model, processor, faces, questions, answers, observed): three answers learnt through the training code."""
    faces = [photo_of({"AU12": 3.1, "AU06": 2.0}), photo_of({"AU04": (1.5, 3.5)}), photo_of({})]
    questions, labels = [QUESTION, QUESTION, "Give me just the label."], ("happiness", "anger", "neutral")
    observed = [prompt.observe(f, [], random.Random(1)) for f in faces]
    answers = [prompt.render(o, "Plain words.", label, "") for o, label in zip(observed, labels, strict=True)]
    answers[2] = "Conclusion: neutral."
    targets = [np.eye(8)[LABELS.index(label)] * 0.9 + 0.0125 for label in labels]
    turns = [[{"role": "user", "content": q}, {"role": "assistant", "content": a}]
             for q, a in zip(questions, answers, strict=True)]
    records = [Record(k, turns[k], labels[k], targets[k].tolist(), face, [], [0], None, {}) for k, face in enumerate(faces)]
    model, processor = copy.deepcopy(tiny[0]).train(), tiny[1]
    model.face.tower.eval()
    optimiser = torch.optim.AdamW([p for n, p in model.named_parameters() if "tower" not in n], lr=1e-2)
    torch.manual_seed(0)
    label_ids = torch.tensor(label_tokens(processor.tokenizer))
    for _ in range(300):
        batch = encode_records(records, processor, None, np.random.default_rng(0))
        text_loss, label_loss, _ = train_step(model, dict(batch), [optimiser], label_ids, {"label_weight": 2, "clip": 1.0})
        if text_loss < 0.003 and label_loss < 0.55:  # one wrong word in all is more; the entropy of the targets is 0.53
            break
    assert text_loss < 0.01
    inputs = [dataclasses.replace(face_input(f, [], [0]), movements=None) for f in faces]  # the labels are the model's own
    return model.eval(), processor, inputs, questions, answers, observed


def test_what_was_learnt_is_generated(learnt):
    """Training and generation fit together end to end: answers learnt by heart come back to the letter."""
    model, processor, inputs, questions, answers, _ = learnt
    for answer, expected in zip(generate(model, processor, inputs, questions), answers, strict=True):
        assert answer.text == expected
        assert answer.complete


def test_grounding_leaves_a_true_answer_alone(learnt):
    model, processor, inputs, questions, answers, observed = learnt
    found = generate(model, processor, inputs[:2], questions[:2], observed[:2])
    assert [a.text for a in found] == answers[:2]


def test_grounding_corrects_a_false_one(learnt, photo_of):
    """The model has AU12 at 3.1 by heart; measured here is AU12 at 1.7, on the left."""
    model, processor, inputs, questions, *_ = learnt
    other = prompt.observe(photo_of({"AU12": (1.7, 0.2)}), [])
    found = generate(model, processor, inputs[:1], questions[:1], [other])[0]
    assert [(o.au, o.side, o.intensity) for o in prompt.parse(found.text).observations] == [("AU12", "left", 1.7)]


def test_the_distribution_is_read_where_the_label_stands(learnt):
    """The distribution of a whole answer is what the model gives for the text before its label."""
    model, processor, inputs, questions, answers, _ = learnt
    for face, question, answer in zip(inputs, questions, generate(model, processor, inputs, questions), strict=True):
        before = answer.text[:answer.text.index(prompt.CONCLUSION) + len(prompt.CONCLUSION)]
        assert answer.distribution == answer.look == pytest.approx(conclude(model, processor, face, question, before), abs=1e-4)
        label = prompt.parse(answer.text).label
        assert label == max(answer.distribution, key=answer.distribution.get)
        assert 0.7 < answer.distribution[label] < 0.99  # the soft target was learnt, not the bare word
    assert len(answers) == 3


# --- the label of both witnesses ------------------------------------------------------------------------------------

def sure_of(label: str) -> Movements:
    given = np.where(np.array(LABELS) == label, 0.93, 0.01)
    return Movements.from_reading(given, pixels=False)


@pytest.mark.parametrize("observed", [True, False])
def test_the_movements_decide_what_is_written(learnt, observed):
    """A model that knows its answers by heart writes the label that the movements say, alone and in a batch, free and
    grounded, streamed or whole; everything before the label is as it was."""
    model, processor, inputs, questions, answers, lines = learnt
    given, labels = lines if observed else None, ("fear", "disgust", "surprise")
    told = [dataclasses.replace(face, movements=sure_of(label)) for face, label in zip(inputs, labels, strict=True)]
    found = generate(model, processor, told, questions, given)
    for k, (answer, label) in enumerate(zip(found, labels, strict=True)):
        before, _, after = answer.text.partition("Conclusion: ")
        assert before == answers[k].partition("Conclusion: ")[0]
        assert after.startswith(label)
        assert answer.distribution == pytest.approx(dict(zip(LABELS, sure_of(label).given, strict=True)))
        assert max(answer.look, key=answer.look.get) == prompt.parse(answers[k]).label  # its own is still told
        assert "".join(stream(model, processor, told[k], questions[k], given and given[k])) == answer.text


def test_one_row_does_not_change_another(learnt):
    model, processor, inputs, questions, answers, _ = learnt
    told = [inputs[0], dataclasses.replace(inputs[1], movements=sure_of("fear")), inputs[2]]
    found = generate(model, processor, told, questions)
    assert [found[0].text, found[2].text] == [answers[0], answers[2]]
    assert found[1].text.partition("Conclusion: ")[2].startswith("fear")  # what follows a label it never wrote is not learnt


def test_the_labels_keep_their_share_of_the_position():
    logits, labels = torch.randn(50, generator=torch.Generator().manual_seed(0)), list(range(8, 16))
    changed = split_probability(logits, labels, 0.7, sure_of("anger"))
    own, now = logits.softmax(0), changed.softmax(0)
    assert now[labels].sum() == pytest.approx(own[labels].sum())
    assert torch.equal(changed[:8], logits[:8]) and torch.equal(changed[16:], logits[16:])
    np.testing.assert_allclose(now[labels] / now[labels].sum(), sure_of("anger").given, rtol=1e-4)


def test_a_form_without_every_label_is_left_alone():
    logits = torch.zeros(20)
    logits[3] = float("-inf")
    assert torch.equal(split_probability(logits, list(range(8)), 1.0, sure_of("anger")), logits)


@pytest.mark.parametrize("text, here", [("Conclusion:", True), ("x.\nConclusion:", True), ("x. Conclusion:", False),
                                        ("", False), ("AU12 lip corner puller:", False), ("Conclusion: fear", False)])
def test_where_a_label_belongs(tiny, text, here):
    tokenizer = tiny[1].tokenizer
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert is_label_next(tokenizer, ids) is here
    if here:
        assert label_position(tokenizer, [*ids, *tokenizer(" fear", add_special_tokens=False)["input_ids"]]) == len(ids)
