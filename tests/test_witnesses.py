"""Two witnesses of one face, and what speaks for a label: exact cases without a model."""

import numpy as np
import pytest

from emollm.answer import prompt
from emollm.answer.support import support
from emollm.answer.witnesses import (
    BALANCED,
    CROWD,
    MovementRule,
    Movements,
    combine_witnesses,
    conflict,
    movements,
    shipped_rule,
    stated_evidence,
    witness_sentence,
)
from emollm.facs.readings import relation
from emollm.schema import AU_NAMES, LABELS, PRIORS, AUSeries, InputError
from emollm.what_if import edit


def sure_of(label: str, p: float = 0.93) -> np.ndarray:
    found = np.full(len(LABELS), (1 - p) / (len(LABELS) - 1))
    found[LABELS.index(label)] = p
    return found


EVEN = np.full(len(LABELS), 1 / len(LABELS))


def test_without_a_statement_the_look_decides():
    """Movements that fit no label add nothing; those that agree add a little, and a sure look outweighs a doubtful reading."""
    look = sure_of("happiness")
    np.testing.assert_allclose(combine_witnesses(look, Movements.from_reading(EVEN, True)), look)
    agreeing = combine_witnesses(look, Movements.from_reading(sure_of("happiness", 0.6), True))
    assert look.max() < agreeing.max() < 0.99
    assert LABELS[combine_witnesses(look, Movements.from_reading(sure_of("anger", 0.6), True)).argmax()] == "happiness"


def test_measured_movements_decide_where_the_look_is_unsure():
    """Posed anger that the tower takes for neutral, a little more likely: the movements that are listed for it count."""
    look = EVEN.copy()
    look[[LABELS.index("neutral"), LABELS.index("anger")]] = 0.45, 0.35
    look /= look.sum()
    assert LABELS[look.argmax()] == "neutral"
    assert LABELS[combine_witnesses(look, Movements.from_reading(sure_of("anger", 0.7), True)).argmax()] == "anger"


def test_two_sure_witnesses_leave_a_doubt():
    said = Movements.from_reading(sure_of("surprise", 0.98), True)
    assert 0.97 < combine_witnesses(sure_of("surprise", 0.999), said).max() < 0.995


@pytest.mark.parametrize("label", LABELS)
def test_a_reading_that_is_more_of_a_label_never_makes_it_less_likely(label):
    """Whatever was fitted: with more of the movements listed for a label its share rises, from any look."""
    for look in (EVEN, sure_of("neutral", 0.6), sure_of("happiness", 0.6)):
        more = [combine_witnesses(look, Movements.from_reading(sure_of(label, p), True)) for p in (0.3, 0.5, 0.7, 0.9)]
        assert np.all(np.diff([share[LABELS.index(label)] for share in more]) > 0)


def test_what_is_fitted_finds_which_witness_to_trust():
    """Looks that say nothing beside readings that are right, and the other way round: the fitted rule follows the right one."""
    from emollm.training.witnesses import Witnesses, fit

    rng = np.random.default_rng(0)
    truth = rng.integers(0, len(LABELS), 400)
    right = np.stack([sure_of(LABELS[k], 0.7) for k in truth])
    wrong = np.stack([sure_of(LABELS[k], 0.7) for k in rng.integers(0, len(LABELS), 400)])
    for look, read in ((right, wrong), (wrong, right)):
        seen = Witnesses(look, read, np.eye(len(LABELS))[truth], np.ones(400), np.arange(400))
        assert (seen.label(fit(seen)).argmax(1) == truth).mean() > 0.9


def test_without_pixels_the_movements_decide():
    given = sure_of("anger")
    np.testing.assert_array_equal(combine_witnesses(sure_of("neutral"), Movements.from_reading(given, False)), given)


@pytest.mark.parametrize("stated", LABELS[1:])
def test_a_statement_overrules_the_look(stated):
    said = Movements(sure_of(stated, 0.95), sure_of("neutral", 0.8), sure_of(stated, 0.9), True)
    found = combine_witnesses(sure_of("neutral"), said)
    assert LABELS[found.argmax()] == stated
    assert found.sum() == pytest.approx(1)
    assert found.max() < 0.95  # the look still says something else, so the confidence is lower


def test_a_conflict_costs_confidence_and_no_more():
    look, given = sure_of("happiness", 0.9), sure_of("anger", 0.9)
    found = combine_witnesses(look, Movements.from_reading(given, True))
    assert LABELS[found.argmax()] == "happiness"
    assert found.max() < look.max() - 0.05


def test_the_balanced_prior_divides_by_the_share_that_was_taught(photo_of):
    look = np.array([0.3, 0.1, 0.2, 0.05, 0.1, 0.1, 0.1, 0.05])
    series = photo_of({})
    unsharpened = MovementRule(shipped_rule().weights)
    crowd, balanced = (combine_witnesses(look, movements(series, None, True, prior), unsharpened) for prior in PRIORS)
    wanted = crowd / CROWD**BALANCED
    assert conflict(look, movements(series, None, True).given) == 0  # so that nothing else moves the label
    np.testing.assert_allclose(balanced, wanted / wanted.sum(), atol=0.01)  # but for the doubt that is left at the end
    without = [movements(series, None, False, prior).as_numbers() for prior in PRIORS]
    assert without[0] == without[1] and CROWD.sum() == pytest.approx(1, abs=1e-3)


def test_conflict():
    assert conflict(sure_of("fear"), sure_of("fear", 0.5)) == 0
    assert conflict(sure_of("fear"), EVEN) == 0
    assert conflict(sure_of("fear"), sure_of("anger")) == pytest.approx(conflict(sure_of("anger"), sure_of("fear")))
    assert 0.8 < conflict(sure_of("fear"), sure_of("anger")) <= 1


def test_what_the_witnesses_say_in_words():
    anger, wide = sure_of("anger"), sure_of("anger", 0.3)
    assert witness_sentence(sure_of("neutral"), Movements.from_reading(anger, True)) == (
        "The movements fit anger, the overall look neutral; the confidence is lowered for it.")
    assert witness_sentence(sure_of("anger"), Movements.from_reading(anger, True)) == ""
    assert witness_sentence(anger, Movements.from_reading(anger, False)) == ""
    assert witness_sentence(wide, Movements.from_reading(wide, False)).startswith("The movements fit no label well")


def test_movements_travel_as_numbers(photo_of):
    series = photo_of({"AU12": 4.0})
    said = movements(edit(series, [], {"AU12": 0.0, "AU09": 4.0})[0], series, True)
    again = Movements.from_numbers(said.as_numbers())
    np.testing.assert_array_equal(again.given, said.given)
    np.testing.assert_array_equal(again.seen, said.seen)
    np.testing.assert_array_equal(again.stated, said.stated)
    assert again.pixels is True
    assert LABELS[said.given.argmax()] == "disgust" and LABELS[said.seen.argmax()] == "happiness"


def test_only_what_was_stated_is_stated(photo_of):
    """The noise of the other units is no statement; evidence of other moments is one as a whole."""
    series = photo_of({"AU12": 4.0, "AU04": 2.0})
    alone = stated_evidence(edit(series, [], {"AU09": 4.0, "AU12": 0.0})[0], series)
    assert [au for au, there in zip(AU_NAMES, alone.measured, strict=True) if there] == ["AU09", "AU12"]
    assert not stated_evidence(series, series).measured.any()
    np.testing.assert_allclose(movements(series, series, True).stated, EVEN)


@pytest.mark.parametrize("numbers", [[], [0.125] * 24, [0.125] * 26, [-1.0] + [0.125] * 24, [float("nan")] + [0.125] * 24, "x"])
def test_numbers_that_are_no_movements(numbers):
    with pytest.raises(ValueError):
        Movements.from_numbers(numbers)


# --- support --------------------------------------------------------------------------------------------------------

def test_support_is_listed_and_strongest_first(photo_of):
    found = support("anger", "happiness", photo_of({"AU04": 3.0, "AU07": 4.0, "AU12": 2.0, "AU23": 0.5}))
    assert [one.au for one in found.supporting] == ["AU07", "AU04"]
    assert [one.au for one in found.opposing] == ["AU12"]
    assert found.opposing[0].label == "happiness"
    assert found.supporting[0].sources and all(isinstance(s, str) for s in found.supporting[0].sources)
    assert found.sentence == ("Listed for anger and present here: the lid tightener (AU07, 4.0) and the brow lowerer (AU04, "
                              "3.0). Against it: the lip corner puller (AU12, 2.0), listed for happiness.")


def test_support_says_the_strengths_of_the_observation_lines(photo_of):
    """Sides that differ by less than a stated asymmetry, one that differs by more, and one whose mean is not there."""
    series = photo_of({"AU12": (2.4, 3.2), "AU25": (1.2, 4.0), "AU06": (1.2, 0.6), "AU04": (3.0, 3.6)})
    said = {o.au: o.intensity for o in prompt.observe(series, [])}
    found = support("happiness", "anger", series)
    assert {one.au: one.strength for one in found.supporting + found.opposing} == said
    assert "AU06" not in said


def test_no_listed_movement_is_said(photo_of):
    found = support("disgust", "neutral", photo_of({"AU18": 3.0}))
    assert found.supporting == []
    assert found.sentence == "None of the movements listed for disgust is here; the reading rests on the overall look."
    hidden = support("disgust", None, photo_of({"AU18": 3.0}, hidden=["AU09"]))
    assert hidden.sentence.startswith("None of the movements listed for disgust that could be measured is here")


def test_neutral_has_no_support_but_what_is_missing(photo_of):
    assert support("neutral", "fear", photo_of({})).sentence == "No movement that speaks for another reading is here."
    found = support("neutral", "fear", photo_of({"AU04": 2.0}))
    assert found.supporting == []
    assert found.opposing[0].au == "AU04"


def test_nothing_measured_is_not_nothing_there():
    found = support("fear", "neutral", AUSeries.unmeasured())
    assert found.sentence == "No action unit was measured; the reading rests on the overall look alone."


@pytest.mark.parametrize("label", LABELS)
def test_nothing_unlisted_ever_supports(label, photo_of):
    everything = photo_of(dict.fromkeys(AU_NAMES, 3.0))
    for runner_up in (None, *LABELS):
        found = support(label, runner_up, everything)
        assert all(relation(label, one.au) == "for" for one in found.supporting)
        assert not {one.au for one in found.supporting} & {one.au for one in found.opposing}
        assert all(one.label != label for one in found.opposing)


def test_unknown_labels_are_refused(photo_of):
    with pytest.raises(InputError, match="unknown label 'joy'"):
        support("joy", None, photo_of({"AU12": 3.0}))
