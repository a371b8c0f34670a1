"""What is hidden is not measured: drawn covers over a real photograph."""

import contextlib

import numpy as np
import pytest

from data_engine.covers import LOWER_SHAPES, TEXTURES, covered
from emollm.explainer import measure, prepare
from emollm.model.checkpoint import Shape
from emollm.perception import covers
from emollm.schema import AUS, ON, NoFaceError

LOWER = [(shape, fill) for k, shape in enumerate(LOWER_SHAPES) for fill in TEXTURES[k % 3 :: 3]]
GLASSES = [(shape, fill) for shape in ("glasses", "goggles") for fill in TEXTURES]


@pytest.fixture(scope="module")
def seen(astronaut):
    (found,) = measure(astronaut)
    return astronaut, found


def units(measured, half: str) -> list[int]:
    """Units of a half that are on."""
    strength = np.nan_to_num(measured.series.intensity).max((0, 2))
    return [au for au in covers.HIDDEN[half] if strength[AUS.index(au)] >= ON]


def test_nothing_is_hidden_on_a_face_that_is_seen(seen):
    _, found = seen
    assert not found.series.notices
    assert 12 in units(found, "lower")


@pytest.mark.parametrize(("half", "kinds"), [("lower", LOWER), ("upper", GLASSES)])
def test_no_unit_is_on_under_a_cover(seen, half, kinds):
    """18 kinds of each; one in twenty is not found (docs/au_estimator.md), so one may be missed here."""
    picture, found = seen
    assert len(kinds) == 18
    missed = []
    for shape, fill in kinds:
        rng = np.random.default_rng(len(shape) * len(fill))
        drawn = covered(picture, found.track.landmarks[0].astype(float), half, shape, fill, rng)
        with contextlib.suppress(NoFaceError):  # not found at all is as good
            missed += [(shape, fill, units(other, half)) for other in measure(drawn) if units(other, half)]
    assert len(missed) <= 1, missed


def test_what_is_hidden_is_said(seen):
    picture, found = seen
    drawn = covered(picture, found.track.landmarks[0].astype(float), "lower", "mask", "plain", np.random.default_rng(1))
    (subject,) = prepare(drawn, Shape(4, 48)).subjects
    assert any("lower half of the face is hidden" in notice for notice in subject.notices)
