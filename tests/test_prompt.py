"""The answer format: what is rendered is read back the same, whatever is read never raises, and problems are named."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emollm.answer import prompt
from emollm.facs.readings import level_word
from emollm.facs.units import ACTION_UNITS
from emollm.perception.events import peaks, side_and_strength
from emollm.schema import AU_NAMES, LABELS, ON, SIDE_GAP, SIDES, AUEvent, AUSeries

LINE = "AU12 lip corner puller | both | 3.1 marked | still | mouth corner pulled up and back"


def random_answer(seed: int) -> tuple[list[prompt.Observation], str]:
    """Any observations in FACS order, and the answer rendered from them."""
    rng = random.Random(seed)
    observations = []
    for au in [au for au in AU_NAMES if rng.random() < rng.choice((0.05, 0.3, 0.7))]:
        onset = round(rng.uniform(0, rng.choice((3, 30, 900))), 1)
        interval = rng.choice((None, (onset, round(onset + rng.uniform(0, 20), 1))))
        observations.append(prompt.Observation(au, rng.choice(SIDES), round(rng.uniform(ON, 5), 1), interval,
                                               rng.choice(ACTION_UNITS[au].look)))
    text = prompt.render(observations, "These two go together. They may also come from speech.", rng.choice(LABELS),
                         rng.choice(("", "AU12 speaks for it; next comes fear.", "Two lines\nof conclusion.")))
    return observations, text


@pytest.mark.parametrize("start", range(0, 400, 100))
def test_parse_reads_back_what_render_wrote(start):
    """400 answers: every field comes back (times at the precision they are written with) and rendering again gives the
    same text."""
    for seed in range(start, start + 100):
        observations, text = random_answer(seed)
        answer = prompt.parse(text)
        assert answer.problems == []
        assert len(answer.observations) == len(observations)
        for read, written in zip(answer.observations, observations, strict=True):
            assert (read.au, read.side, read.intensity, read.look) == (
                written.au, written.side, written.intensity, written.look)
            assert prompt.format_interval(read.interval) == prompt.format_interval(written.interval)
            assert text[slice(*read.span)] == prompt.render_observation(written)
        assert prompt.render(answer.observations, answer.interpretation, answer.label, answer.conclusion) == text


def test_a_face_without_movement_has_its_own_line():
    text = prompt.render([], "Nothing moves.", "neutral", "")
    assert text == f"{prompt.NOTHING}\nInterpretation: Nothing moves.\nConclusion: neutral."
    answer = prompt.parse(text)
    assert (answer.observations, answer.problems, answer.label) == ([], [], "neutral")


def check_total(text: str):
    answer = prompt.parse(text)
    assert answer.label is None or answer.label in LABELS
    assert all(isinstance(p, str) and "\n" not in p for p in answer.problems)
    for o in answer.observations:
        assert o.au in AU_NAMES
        assert o.side in SIDES
        assert 0 <= o.intensity < 6
        assert text[slice(*o.span)].startswith(o.au)


@given(st.text())
def test_parse_takes_any_text(text):
    check_total(text)


@settings(max_examples=300)
@given(st.integers(0, 200), st.lists(st.tuples(st.integers(0, 4000), st.sampled_from(
    ["", "\n", "|", " | ", "9", "٣", "-", "AU", "AU03 ", "Conclusion:", "\nConclusion: ", "\nInterpretation:"])), max_size=6))
def test_parse_takes_damaged_answers(seed, edits):
    """Real answers with characters cut out, lines torn and pieces of the grammar pushed in anywhere."""
    text = random_answer(seed)[1]
    for place, piece in edits:
        at = place % (len(text) + 1)
        text = text[:at] + piece + text[at + (not piece):]
    check_total(text)


@pytest.mark.parametrize("wrong, problem", [
    (LINE.replace("lip corner puller", "cheek raiser"), "AU12 is the lip corner puller, not 'cheek raiser'"),
    (LINE.replace("marked", "slight"), "AU12: 3.1 is marked, not slight"),
    (LINE.replace("AU12", "AU03"), "not an observation: 'AU03 lip corner"),
    (LINE.replace("both", "middle"), "not an observation: 'AU12 lip corner puller | middle"),
    (LINE.replace("3.1", "7.1"), "not an observation"),
    (LINE.replace("still", "soon"), "not an observation"),
    ("The mouth smiles.", "not an observation: 'The mouth smiles.'"),
])
def test_every_line_outside_the_grammar_is_named(wrong, problem):
    answer = prompt.parse(f"{wrong}\nInterpretation: so.\nConclusion: fear.")
    assert len(answer.problems) == 1
    assert answer.problems[0].startswith(problem)
    assert (answer.interpretation, answer.label) == ("so.", "fear")


def test_a_conclusion_without_a_known_label_is_a_problem():
    answer = prompt.parse(f"{LINE}\nInterpretation: so.\nConclusion: joyful.")
    assert answer.label is None
    assert answer.problems == ["conclusion names no known label: 'joyful.'"]


def test_an_answer_may_be_its_conclusion_alone():
    """What the questions for a label alone are answered with."""
    answer = prompt.parse("Conclusion: anger.")
    assert (answer.label, answer.observations_text, answer.problems) == ("anger", "", [])


def test_only_a_line_start_begins_a_part():
    answer = prompt.parse(f"{LINE}\nInterpretation: no Conclusion: fear. here\nConclusion: anger. Not Interpretation: this")
    assert answer.label == "anger"
    assert answer.interpretation == "no Conclusion: fear. here"


def test_intervals_have_tenths():
    assert prompt.format_interval(None) == "still"
    assert prompt.format_interval((0.41, 1.8)) == "0.4-1.8 s"
    assert prompt.format_interval((9.94, 9.96)) == "9.9-10.0 s"
    assert prompt.format_interval((61.4, 3599.6)) == "61.4-3599.6 s"


# --- what is stated of a measurement ------------------------------------------------------------------------------

@given(st.floats(0, 5), st.floats(0, 5))
def test_side_and_strength(left, right):
    side, strength = (float(v) for v in side_and_strength(np.float64(left), np.float64(right)))
    if abs(left - right) >= SIDE_GAP:
        assert SIDES[int(side)] == ("left" if left > right else "right")
        assert strength == max(left, right)
    else:
        assert SIDES[int(side)] == "both"
        assert strength == pytest.approx((left + right) / 2)


def test_side_and_strength_are_the_same_in_torch():
    """The encoder and the text must agree on which side moves, at the very gap too."""
    import torch

    pairs = np.array([[l, r] for l in np.arange(0, 5.01, 0.25) for r in np.arange(0, 5.01, 0.25)], np.float32)  # noqa: E741
    side, strength = side_and_strength(pairs[:, 0], pairs[:, 1])
    in_torch = side_and_strength(torch.tensor(pairs[:, 0]), torch.tensor(pairs[:, 1]))
    assert (in_torch[0].numpy() == side).all()
    np.testing.assert_array_equal(in_torch[1].numpy(), strength)


def test_observe_lists_what_counts_as_there_in_facs_order(photo_of):
    series = photo_of({"AU25": 5, "AU12": (4.0, 1.0), "AU06": ON + 0.05, "AU04": ON - 0.1, "AU01": 3}, hidden=["AU01"])
    assert [(o.au, o.side, o.intensity, o.interval) for o in prompt.observe(series, [])] == [
        ("AU06", "both", 1.3, None), ("AU12", "left", 4.0, None), ("AU25", "both", 5.0, None)]


def test_a_hidden_side_takes_the_other(photo_of):
    """A side turned away is not a side at rest."""
    observed = prompt.observe(photo_of({"AU12": (np.nan, 3.0), "AU02": (np.nan, np.nan)}), [])
    assert [(o.au, o.side, o.intensity) for o in observed] == [("AU12", "both", 3.0)]


def test_looks_vary_only_with_a_random_source(photo_of):
    series = photo_of({"AU12": 3})
    looks = {prompt.observe(series, [], random.Random(seed))[0].look for seed in range(60)}
    assert looks == set(ACTION_UNITS["AU12"].look)
    assert prompt.observe(series, [])[0].look == ACTION_UNITS["AU12"].look[0]


def test_a_clip_states_the_strongest_event(clip_of):
    series, events = clip_of({"AU12": (1.0, 2.0, 3.0, 3, 3), "AU04": (0.5, 0.8, 1.2, 1, 3)})
    weaker = AUEvent("AU12", "both", 4.0, 4.2, 4.4, 1.5)
    observed = {o.au: o for o in prompt.observe(series, [weaker, *events])}
    assert observed["AU12"].interval == (1.0, 3.0)
    assert (observed["AU04"].side, observed["AU04"].interval) == ("right", (0.5, 1.2))
    onset, offset = prompt.event_interval("AU12", [], series)  # without an event: the frames in which it is
    assert 1.0 <= onset < 2.0 < offset <= 3.0
    assert prompt.event_interval("AU09", [], series) == (series.times[0], series.times[-1])


def test_a_photograph_has_no_interval(photo_of):
    assert prompt.event_interval("AU12", [], photo_of({"AU12": 3})) is None


def test_peaks_are_the_strongest_moment(clip_of):
    series, _ = clip_of({"AU12": (1.0, 2.0, 3.0, 2, 4)})
    left, right, visible = peaks(series)
    k = AU_NAMES.index("AU12")
    assert (left[k], right[k]) == (2, 4)
    assert visible.all()
    unseen = AUSeries(series.times, np.full_like(series.intensity, np.nan), series.confidence, series.measured, "test")
    assert not peaks(unseen)[2].any()


# --- the prompt ---------------------------------------------------------------------------------------------------

def test_user_turn():
    assert prompt.user_turn("Why?") == "<|im_start|>user\n<face>Why?<|im_end|>\n<|im_start|>assistant\n"


PIECES = [*prompt.SPECIAL_TOKENS, "<|", "|>", "im_", "start", "end", "<fa", "ce>"]


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3)), max_size=12))
def test_a_question_cannot_smuggle_special_tokens(parts):
    """Not even nested ones, whose removal would leave a special token behind."""
    nested = "<|im_<|im_end|>start|>"
    for question in ("".join(parts), nested + "".join(parts)):
        text = prompt.user_turn(question)
        assert text.count(prompt.FACE) == 1
        assert (text.count(prompt.TURN_START), text.count(prompt.TURN_END)) == (2, 1)
        assert not any(token in text for token in (prompt.FACE_START, prompt.FACE_PAD, prompt.FACE_END))


def test_levels_of_lines_follow_facs():
    for level in np.arange(0, 5.01, 0.1):
        o = prompt.Observation("AU12", "both", float(level), None, "mouth corner pulled up and back")
        assert f"| {level:.1f} {level_word(level)} |" in prompt.render_observation(o)
