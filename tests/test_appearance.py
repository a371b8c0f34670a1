"""Appearance around landmarks: mirrored halves, light, and what the second look makes of a mouth."""

import numpy as np
import pytest

from emollm.perception import appearance, measure, mesh
from emollm.schema import InputError


@pytest.fixture(scope="module")
def face():
    """A chip of noise, smooth enough to be read between pixels, and the mean face on it."""
    import cv2

    chip = cv2.GaussianBlur(np.random.default_rng(0).normal(128, 60, (64, 64)).clip(0, 255).astype(np.uint8), (0, 0), 1.5)
    return chip, measure.estimator().mean * 33 + [31.5, 24, 0]


def test_one_number_a_component_and_half(face):
    assert appearance.look(*face).shape == (2, appearance.WIDTH) == (2, 180)
    assert appearance.describe(*face).shape == (2, 18, 72)


def test_a_mirrored_face_swaps_its_halves(face):
    """One set of weights measures both sides only when the left half is read exactly mirrored."""
    chip, points = face
    flipped = (points * [-1, 1, 1] + [63, 0, 0])[measure.estimator().mirror]
    there, back = appearance.describe(chip, points), appearance.describe(np.ascontiguousarray(chip[:, ::-1]), flipped)
    np.testing.assert_allclose(there, back[::-1], atol=2e-3)


def test_light_and_contrast_are_taken_out(face):
    chip, points = face
    darker = (chip * 0.6 + 20).astype(np.uint8)
    change = np.abs(appearance.describe(chip, points) - appearance.describe(darker, points))
    assert change.mean() < 0.01


def test_colour_is_read_as_its_grey(face):
    chip, points = face
    colour = np.repeat(chip[..., None], 3, axis=2)
    np.testing.assert_array_equal(appearance.look(colour, points), appearance.look(chip, points))


def test_points_outside_the_chip_read_its_edge(face):
    chip, points = face
    assert np.isfinite(appearance.look(chip, points * [1, 2, 1])).all()


def test_missing_components_are_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setattr(appearance, "FILE", tmp_path / "none.npz")
    appearance.basis.cache_clear()
    with pytest.raises(InputError, match=r"none\.npz: missing; reinstall emollm"):
        appearance.basis()
    appearance.basis.cache_clear()


def test_lip_gap_is_over_the_height_of_the_face():
    points = np.zeros((478, 3))
    points[mesh.CHIN, 1], points[14, 1] = 200, 30
    assert mesh.lip_gap(points) == pytest.approx(0.15)
    assert mesh.lip_gap(np.stack([points, points * 3])).tolist() == pytest.approx([0.15, 0.15])


def open_mouth(points, gap):
    """The same face with its lips `gap` of its height apart, the lower one and the chin moved down."""
    opened = points.copy()
    low = points[:, 1] > points[13, 1]
    opened[low, 1] += gap * (points[mesh.CHIN, 1] - points[mesh.FOREHEAD, 1])
    return opened


def looks_of(monkeypatch, *looks):
    given = iter(looks)
    monkeypatch.setattr(mesh, "_mesh", lambda *args: next(given, None))


def test_a_second_look_that_opens_the_mouth_is_believed_when_a_third_agrees(monkeypatch):
    points = measure.estimator().mean * 120 + [320, 240, 0]
    gaping = open_mouth(points, 0.2)
    looks_of(monkeypatch, gaping, gaping)
    seen = mesh.second_look(np.zeros((480, 640, 3), np.uint8), points)
    assert mesh.lip_gap(seen) > 0.1
    above = points[:, 1] < points[mesh.NOSE_BASE, 1] - 1
    np.testing.assert_allclose(seen[above], points[above], atol=1e-9)


@pytest.mark.parametrize("third", [0.0, None])
def test_a_second_look_alone_is_not_believed(monkeypatch, third):
    points = measure.estimator().mean * 120 + [320, 240, 0]
    looks_of(monkeypatch, open_mouth(points, 0.2), None if third is None else open_mouth(points, third))
    assert mesh.second_look(np.zeros((480, 640, 3), np.uint8), points) is points


def test_a_resting_mouth_stays_shut(monkeypatch):
    points = measure.estimator().mean * 120 + [320, 240, 0]
    looks_of(monkeypatch, open_mouth(points, 0.02))
    assert mesh.second_look(np.zeros((480, 640, 3), np.uint8), points) is points
