"""The verifier of prose: hand-labelled sentences, coverage, faults, and what explanations make of it."""

import re
from pathlib import Path

import numpy as np
import prose_score
import pytest

from emollm.answer import prompt, verify
from emollm.answer.facts import Facts
from emollm.answer.prose import judge
from emollm.explanation import as_text
from emollm.schema import CLAIM_KINDS, VERDICTS, AUSeries, InputError, au_index

HERE = Path(__file__).parent
DEVELOPED, HELD_OUT = HERE / "prose_sentences.txt", HERE / "prose_sentences_heldout.txt"


def face(levels: dict[str, float], hidden: tuple[str, ...] = ()) -> AUSeries:
    intensity, measured = np.zeros((1, 24, 2)), np.ones(24, bool)
    for au, level in levels.items():
        intensity[0, au_index(au)] = level
    for au in hidden:
        measured[au_index(au)] = False
    return AUSeries(np.zeros(1), intensity, np.ones((1, 24)), measured, "test")


SMILE = face({"AU06": 2.4, "AU12": 3.6, "AU25": 2.0})
HAPPY = {"happiness": 0.8, "neutral": 0.1, "surprise": 0.04, "sadness": 0.02, "fear": 0.01, "disgust": 0.01, "anger": 0.01,
         "contempt": 0.01}


def verdicts(text: str):
    return judge(text, SMILE, [], HAPPY, "happiness")


@pytest.mark.parametrize("path", [DEVELOPED, HELD_OUT], ids=["developed", "held-out"])
def test_what_sentences_state_is_found_and_judged(path):
    """The bounds guard what was measured, docs/verifier.md; the held-out part was scored once before it was mended."""
    table = prose_score.scores(prose_score.read_cases(path))
    print("\n" + prose_score.as_table(table))
    assert table["all"]["precision"][0] >= 0.97
    assert table["all"]["recall"][0] >= 0.95


def test_there_are_sentences_of_every_kind():
    cases = [c for path in (DEVELOPED, HELD_OUT) for c in prose_score.read_cases(path)]
    assert len(cases) >= 400
    assert len({(c.group.name, c.sentence) for c in cases}) == len(cases)
    kinds = {kind for c in cases for kind, *_ in c.expected}
    assert kinds == {*CLAIM_KINDS, "fault"} - {"observation"}
    assert {verdict for c in cases for *_, verdict in c.expected if verdict} == set(VERDICTS)


@pytest.mark.parametrize("line, complaint", [
    ("@ x | AU12 3.0 | happiness 1\nIt smiles. => m:twelve+", "2: cannot read 'It smiles"),
    ("@ x | AU12 3.0 | happiness 1\nIt smiles. => q:12+", "2: cannot read 'It smiles"),
    ("@ x | AU12 3.0 | happiness", "1: cannot read '@ x"),
])
def test_a_line_that_cannot_be_read_is_named(tmp_path, line, complaint):
    path = tmp_path / "sentences.txt"
    path.write_text(line)
    with pytest.raises(InputError, match=complaint):
        prose_score.read_cases(path)


def test_spans_are_those_of_the_text():
    text = "The mouth corners are raised. There is no frown, and neutral comes second."
    found = {f.kind: text[f.start:f.end] for f in verdicts(text).found}
    assert found["alternative"].strip(" ,.") == "and neutral comes second"
    assert found["movement"] == "frown"  # the last movement


@pytest.mark.parametrize("text, coverage", [
    ("The mouth corners are raised. A quiet face can be read in many ways.", 0.5),
    ("The mouth corners are raised.", 1.0), ("Is it a smile?", 1.0), ("", 1.0), ("It was a long day.", 0.0),
])
def test_coverage_counts_what_could_be_judged(text, coverage):
    assert verdicts(text).coverage == coverage


def test_a_text_that_judges_nothing_gets_no_verdict():
    result = verdicts("The light falls from the left. This raises the question of the hour.")
    assert result.found == [] and len(result.unjudged) == result.content == 2


@pytest.mark.parametrize("text, fault", [
    ("The raised cheeks are weaker than the raised cheeks.", "compared with itself"),
    ("AU12 and AU12 are often read this way.", "movement named twice"),
    ("The smile is clear. The smile is clear.", "sentence repeated"),
    ("The smile (AU12) and the raised cheeks (AU06) are measured both take part.", "sentence broken"),
    ("The smile is raised is clear.", "sentence broken"),
    ("The smile (AU12) is brief, lasting about raiser.", "sentence broken"),
    ("The smile lasts the long, for about s.", "sentence broken"),
    ("The parted lips can also come from speech or breathing through.", "sentence broken"),
    ("The raised cheeks (AU06) is brief.", "sentence broken"),
    ("The raised mouth corners are often read like this way.", "sentence broken"),
    ("The tightened lips (AU25) can also come from speech.", "movement by another's code"),
    ("The raised cheeks, the raised cheeks and the smile are measured.", "movement named twice"),
    ("The raised cheeks (AU06) and the raised cheeks point to it.", "movement named twice"),
    ("The nearest alternative is happiness.", "label is its own alternative"),
    ("The nearest alternative is surprise.", "wrong alternative"),
    ("The raised cheeks are the strongest movement.", "wrong rank"),
    ("The smile speaks for sadness.", "unlisted support"),
    ("The lowered brows speak for anger.", "support by an absent movement"),
    ("The overall look supports it, with no measured movement as support.", "support overlooked"),
    ("It may come from speech or speech.", "reading named twice"),
])
def test_faults_have_names(text, fault):
    assert fault in {f.kind for f in verdicts(text).faults}


@pytest.mark.parametrize("text", [
    "What can be seen is that the mouth corners are raised.", "The smile is clear, and the cheeks are raised.",
    "The muscle that raises them is what is seen here.", "The smile is the clearest movement: the cheeks are raised.",
    "The smile is clear while the lips are parted.", "The raised cheeks are there and can also come from a squint."])
def test_two_verbs_may_be_joined(text):
    assert "sentence broken" not in {f.kind for f in verdicts(text).faults}


@pytest.mark.parametrize("text", [
    "The smile opens and the cheeks rise with it (AU06, AU12 and AU25).", "What parts the lips is a smile.",
    "The mouth corners rise without help from the cheeks (AU12).",
    "The mouth is opened as far as the jaw goes (AU25 and AU27).", "The raised mouth corners (AU12) are the strongest.",
    "The smile is brief, lasting about 0.5 s.", "The smile lasts for about half a second.", "The smile lasts the longest.",
    "The parted lips can come from breathing through the mouth.",
    "The raised cheeks and the raised mouth corners point to it."])
def test_whole_sentences_are_not_called_broken(text):
    assert not {f.kind for f in verdicts(text).faults} & {"sentence broken", "movement named twice",
                                                          "movement by another's code"}


@pytest.mark.parametrize("label, verdict", [("happiness", "contradicted"), ("anger", "supported")])
def test_untypical_is_against_the_label(label, verdict):
    """Of what, an explanation need not say."""
    found = judge("The smile (AU12) is not typical.", SMILE, [], None, label).found
    assert [f.verdict for f in found if f.kind == "support"] == [verdict]


def test_likeness_is_not_repetition():
    """Two sentences that differ only in the movement or in a number say two things."""
    text = "The raised cheeks are part of the smile. AU06 is at 2.4. AU12 is at 3.6. The parted lips are part of the smile."
    assert [f.kind for f in verdicts(text).faults] == []


def test_labels_need_a_distribution():
    found = judge("The smile speaks for happiness; fear comes second with 0.4.", SMILE, [], None, "happiness").found
    assert {f.kind for f in found} == {"movement", "support"}


def test_of_two_wrong_alternatives_the_first_said_is_named():
    """By the text and not by the order of a set, which is another one in every process."""
    shares = {"surprise": 0.6, "neutral": 0.3, "anger": 0.06, "fear": 0.04}
    for first, second in (("anger", "fear"), ("fear", "anger")):
        (one,) = judge(f"It lies between {first} and {second}.", face({"AU01": 3.0}), [], shares, "surprise").found
        assert (one.kind, one.verdict, one.label) == ("alternative", "contradicted", first)


def test_a_set_is_borne_out_by_any_member():
    facts = Facts(face({"AU02": 2.0, "AU15": 2.0}), [])
    assert facts.presence(("AU01", "AU02")) == ("supported", "")
    assert facts.presence(("AU01", "AU02"), denied=True)[0] == "contradicted"
    assert facts.presence(("AU04", "AU15"), denied=True)[0] == "unsure"  # "no frown": which one?


# --- explanations ---------------------------------------------------------------------------------------------------

ANSWER = ("AU12 lip corner puller | both | 3.6 pronounced | still | mouth corner pulled up and back\n"
          "Interpretation: The raised cheeks (AU06) are the strongest movement. A quiet face can be read in many ways.\n"
          "Conclusion: happiness. The nearest alternative is surprise.")


def explained():
    from emollm.answer.bind_answer import bind

    return bind(prompt.parse(ANSWER), ANSWER, HAPPY, SMILE, [], [0], None)


def test_an_explanation_carries_its_prose():
    found = explained()
    assert [(c.kind, c.au, c.label, c.verdict) for c in found.claims] == [
        ("observation", "AU12", "", "supported"), ("rank", "AU06", "", "contradicted"), ("movement", "AU06", "", "supported"),
        ("alternative", "", "surprise", "contradicted")]
    assert all(ANSWER[slice(*c.span)] == c.text for c in found.claims)
    assert [f["kind"] for f in found.faults] == ["wrong rank", "wrong alternative"]
    assert (found.coverage, [ANSWER[slice(*s)] for s in found.unchecked]) == (
        pytest.approx(2 / 3), ["A quiet face can be read in many ways."])
    assert type(found).from_dict(found.to_dict()).claims[1].units == ["AU06"]


def test_no_tick_for_what_was_not_judged():
    report = as_text(explained())
    ticked = [line for line in report.splitlines() if line.strip().startswith("✓")]
    assert [line.split()[1] for line in ticked] == ["AU12", "AU06"]
    assert "1 clause could not be checked" in report
    assert "✗ The nearest alternative is surprise: the next label is neutral" in report


def test_the_verifier_does_not_know_the_writer():
    for path in Path(verify.__file__).parent.glob("*.py"):
        assert not re.search(r"^\s*(?:from|import) data_engine", path.read_text(), re.MULTILINE), path
