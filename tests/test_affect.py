"""Valence and arousal: the published point for a certain label, their mean and spread for a doubtful one."""

import pytest

from emollm.facs.affect import COORDINATES, affect
from emollm.schema import LABELS, InputError


@pytest.mark.parametrize("label", LABELS)
def test_a_certain_label_is_its_published_point(label):
    found = affect({label: 1.0})
    valence, arousal = COORDINATES[label]
    assert (found.valence, found.arousal) == (valence, arousal)
    assert found.valence_interval == (valence, valence)
    assert found.arousal_interval == (arousal, arousal)


def test_every_label_has_coordinates_within_the_scales():
    assert set(COORDINATES) == set(LABELS)
    assert all(-1 <= value <= 1 for point in COORDINATES.values() for value in point)


def test_half_and_half_lies_in_the_middle_and_spans_both():
    found = affect({"happiness": 0.5, "neutral": 0.5})
    assert found.valence == pytest.approx(0.405)
    assert found.arousal == pytest.approx(0.255)
    assert found.valence_interval == pytest.approx((0.0, 0.81))
    assert found.arousal_interval == pytest.approx((0.0, 0.51))


def test_opposed_labels_give_a_wide_interval_on_the_axis_where_they_differ():
    found = affect({"happiness": 0.5, "anger": 0.5})  # both excited, one pleasant
    assert found.valence_interval[1] - found.valence_interval[0] == pytest.approx(1.32)
    assert found.arousal_interval[1] - found.arousal_interval[0] == pytest.approx(0.08)


def test_an_unscaled_distribution_is_scaled():
    assert affect({"fear": 3, "surprise": 1}) == affect({"fear": 0.75, "surprise": 0.25, "neutral": 0.0})


@pytest.mark.parametrize(("distribution", "message"), [
    ({"joy": 1.0}, "unknown label 'joy': use neutral, happiness"),
    ({"fear": -0.1}, "probability of fear is -0.1, expected 0 to 1"),
    ({"fear": float("nan")}, "probability of fear is nan"),
    ({"fear": float("inf")}, "probability of fear is inf"),
    ({"fear": 0.0}, "holds no probability at all"),
    ({}, "holds no probability at all"),
])
def test_what_is_no_distribution_is_refused(distribution, message):
    with pytest.raises(InputError, match=message):
        affect(distribution)
