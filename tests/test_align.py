"""Chips: what is cut is what the maps say, to a fraction of a pixel."""

import numpy as np
import pytest

from emollm.perception import align


@pytest.fixture(scope="module")
def mesh():
    """Made-up landmarks whose stable points lie like CANONICAL: turned by 10 degrees, 90 px wide, off centre."""
    return placed(scale=90, degrees=10, shift=(176, 60))


def placed(scale, degrees, shift):
    angle = np.radians(degrees)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = np.zeros((478, 3))
    points[align.STABLE, :2] = align.CANONICAL @ turn.T + shift
    return points


@pytest.mark.parametrize(("degrees", "scale", "shift"), [(0, 1, (0, 0)), (30, 2.5, (5, -7)), (-170, 0.1, (300, 40))])
def test_similarity_recovers_a_known_motion(degrees, scale, shift):
    points = np.random.default_rng(0).normal(size=(18, 2))
    angle = np.radians(degrees)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    found = align.similarity(points, points @ turn.T + shift)
    np.testing.assert_allclose(found, np.hstack([turn, np.array(shift)[:, None]]), atol=1e-9)
    np.testing.assert_allclose(align.apply(align.invert(found), align.apply(found, points)), points, atol=1e-9)


def test_similarity_never_mirrors():
    points = np.random.default_rng(1).normal(size=(18, 2))
    found = align.similarity(points, points * [-1, 1])
    assert np.linalg.det(found[:, :2]) >= 0


def test_coinciding_landmarks_are_refused():
    with pytest.raises(ValueError, match="coincide"):
        align.cut_chip(np.zeros((50, 50, 3), np.uint8), np.ones((478, 3)), 48)


def test_canonical_face_is_symmetric_and_inside_the_chip():
    mirror = [3, 2, 1, 0, 4, 5, 6, 7, 8, 9, 11, 10, 12, 13, 15, 14, 17, 16]
    np.testing.assert_allclose(align.CANONICAL[mirror] * [-1, 1] + [1, 0], align.CANONICAL, atol=1e-9)
    assert align.CANONICAL.min() > 0 and align.CANONICAL.max() < 1


@pytest.mark.parametrize("size", [48, 64, 112, 224])
def test_landmarks_land_on_canonical(astronaut, mesh, size):
    _, to_picture = align.cut_chip(astronaut, mesh, size)
    on_chip = align.apply(align.invert(to_picture), mesh[align.STABLE, :2])
    np.testing.assert_allclose(on_chip, align.CANONICAL * size - 0.5, atol=1e-6)


@pytest.mark.parametrize("scale", [30, 90, 200, 330])  # enlarged, same size, reduced, reduced with averaging
@pytest.mark.parametrize("degrees", [0, 25])
def test_every_chip_pixel_shows_the_place_its_map_names(scale, degrees):
    """The picture's values are its coordinates, so the chip says where each of its pixels was taken."""
    y, x = np.indices((500, 500), dtype=np.float32)
    picture = np.stack([x, y, x + y], axis=2)
    size = 96
    chip, to_picture = align.cut_chip(picture, placed(scale, degrees, (130, 60)), size)
    y, x = np.indices((size, size))
    place = align.apply(to_picture, np.stack([x, y], axis=2).astype(float))
    inside = ((place > 6) & (place < 493)).all(2)
    assert inside.mean() > 0.5
    expected = np.stack([place[..., 0], place[..., 1], place.sum(2)], axis=2)
    difference = (chip - expected)[inside]
    # px of the picture; OpenCV places samples on a grid of 1/32 px of what it warps, here up to 3.4 px wide.
    assert np.abs(difference).max() < 0.1 * max(1, scale / size)


def test_large_faces_are_averaged_not_skipped():
    """A checkerboard finer than the chip's pixels must become grey; plain warping would leave a pattern."""
    y, x = np.indices((900, 900))
    board = np.repeat((((x + y) % 2) * 255).astype(np.uint8)[:, :, None], 3, axis=2)
    chip, _ = align.cut_chip(board, placed(600, 0, (150, 100)), 48)
    assert np.abs(chip.astype(int) - 127).max() < 40


def test_outside_the_picture_the_edge_is_repeated():
    picture = np.full((200, 200, 3), 77, np.uint8)
    for shift in ((-300, 0), (150, 150), (-900, -900), (900, -900)):
        for scale in (40, 90, 400):
            chip, _ = align.cut_chip(picture, placed(scale, 15, shift), 48)
            assert chip.shape == (48, 48, 3) and (chip == 77).all()
