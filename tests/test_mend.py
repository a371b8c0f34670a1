"""What is wrong in an answer is left out, and nothing else; what is left passes the verifier."""

import pytest

from emollm.answer import prompt, verify
from emollm.answer.mend import mend
from emollm.explainer import explain

DISTRIBUTION = {"neutral": 0.02, "happiness": 0.8, "sadness": 0.01, "surprise": 0.1, "fear": 0.02, "disgust": 0.02,
                "anger": 0.02, "contempt": 0.01}
GOOD = "The raised cheeks (AU06) go with the raised mouth corners (AU12)."
WRONG = ("The brows are lowered (AU04).", "The raised cheeks (AU06) are stronger than the raised mouth corners (AU12).",
         "The mouth corners (AU12) and the mouth corners (AU12) are pulled up.")


@pytest.fixture
def smile(photo_of):
    return photo_of({"AU06": 2.4, "AU12": 3.1})


def written(series, interpretation, conclusion="The nearest alternative is surprise.") -> str:
    return prompt.render(prompt.observe(series, []), interpretation, "happiness", conclusion)


def test_a_right_answer_is_not_touched(smile):
    text = written(smile, GOOD)
    assert mend(text, smile, [], DISTRIBUTION).text is text


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_sentence_goes_alone(smile, wrong):
    mended = mend(written(smile, f"{GOOD} {wrong}"), smile, [], DISTRIBUTION)
    assert mended.text == written(smile, GOOD)
    assert mended.left_out == [wrong]


def test_a_repeated_sentence_stands_once(smile):
    mended = mend(written(smile, f"{GOOD} {GOOD}"), smile, [], DISTRIBUTION)
    assert mended.text == written(smile, GOOD)


def test_a_wrong_alternative_goes_from_the_conclusion(smile):
    mended = mend(written(smile, GOOD, "The nearest alternative is anger."), smile, [], DISTRIBUTION)
    assert mended.text == written(smile, GOOD, "").rstrip()
    assert prompt.parse(mended.text).label == "happiness"


def test_an_interpretation_that_was_all_wrong_becomes_a_plain_statement(smile, photo_of):
    mended = mend(written(smile, " ".join(WRONG[:2])), smile, [], DISTRIBUTION)
    assert prompt.parse(mended.text).interpretation == "The strongest movement is the lip corner puller (AU12) at 3.1."
    assert prompt.parse(mended.text).problems == []
    still = photo_of({})
    text = prompt.render([], "The brows are lowered (AU04).", "neutral", "")
    assert prompt.parse(mend(text, still, [], DISTRIBUTION).text).interpretation == "No movement stands out."


@pytest.mark.parametrize("text", ["Conclusion: fear.", "No measured movement stands out.", "", "hello"])
def test_what_is_no_whole_explanation_stays(smile, text):
    assert mend(text, smile, [], DISTRIBUTION).text == text


def test_the_shipped_model_says_nothing_that_is_contradicted(astronaut_file, two_faces_file, astronaut_clip):
    """Also with edits that its prose was not trained to follow; unchecked, the sentences stay."""
    edits = ({}, {"AU12": 0.0, "AU06": 0.0, "AU04": 4.0, "AU07": 4.0}, {"AU09": 5.0}, {"AU01": 3.0, "AU15": 3.0, "AU12": 0.0})
    found = [e for source in (astronaut_file, two_faces_file, astronaut_clip) for what_if in edits
             for e in explain(source, what_if=what_if)]
    for e in found:
        assert [c.text for c in e.claims if c.verdict in ("contradicted", "unmeasured")] == []
        assert e.faults == []
    plain = explain(astronaut_file, what_if=edits[1], checked=False)[0]
    held = explain(astronaut_file, what_if=edits[1])[0]
    assert plain.left_out == []
    assert bool(held.left_out) == bool(plain.faults or any(c.verdict == "contradicted" for c in plain.claims))
    assert verify.check(prompt.parse(held.text), held.text, *evidence_of(held)).faults == []


def evidence_of(explanation):
    from emollm.schema import AUSeries

    return AUSeries.from_dict(explanation.evidence), explanation.events, explanation.distribution
