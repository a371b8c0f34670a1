"""Augmentation: nothing asked changes nothing, everything stays a face-shaped picture, and covers cover."""

import dataclasses

import pytest
import torch

from emollm.training.augment import COVER_SIDE, Strengths, augment

ALL = Strengths(turn=0.3, zoom=0.2, stretch=0.1, shift=0.15, contrast=0.4, brightness=0.3, mirror=0.5, coarse=0.5,
                blur=0.5, cover=0.5, half=0.2)


def chips(count: int = 8, size: int = 48) -> torch.Tensor:
    """Grey noise in three equal channels."""
    noise = torch.rand(count, 1, size, size, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return noise.expand(-1, 3, -1, -1)


def changed(x: torch.Tensor, size: int = 48, seed: int = 0, **strengths) -> torch.Tensor:
    return augment(x, size, Strengths(**strengths), torch.Generator().manual_seed(seed))


def test_nothing_asked_changes_nothing():
    torch.testing.assert_close(changed(chips()), chips(), atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [32, 48, 64])
def test_shape_range_and_equal_channels_are_kept(size):
    x = augment(chips(64), size, ALL, torch.Generator().manual_seed(0))
    assert x.shape == (64, 3, size, size) and x.dtype == torch.float32
    assert x.isfinite().all() and x.min() >= -1 and x.max() <= 1
    assert torch.equal(x[:, 0], x[:, 1]) and torch.equal(x[:, 0], x[:, 2])


def test_the_seed_decides():
    first, again, other = (augment(chips(), 40, ALL, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Strengths)])
def test_every_strength_changes_pictures_on_its_own(name):
    x = changed(chips(), **{name: 0.3 if name in ("turn", "zoom", "stretch", "shift", "contrast", "brightness") else 1.0})
    assert (x - chips()).abs().mean() > 0.01


def test_scaling_leaves_the_mirror():
    half = ALL.scale_by(0.5)
    assert (half.turn, half.cover, half.mirror) == (0.15, 0.25, 0.5)
    assert ALL.scale_by(1) == ALL


def test_all_mirrored_is_the_mirror_image():
    torch.testing.assert_close(changed(chips(), mirror=1.0), chips().flip(-1), atol=1e-5, rtol=0)


def test_a_cover_is_one_grey_square_and_the_rest_is_as_it_was():
    x, side = changed(torch.ones(64, 3, 48, 48), cover=1.0)[:, 0], round(48 * COVER_SIDE)
    hidden = x == 0
    for face in hidden:
        rows, columns = face.any(1).sum(), face.any(0).sum()
        assert face.sum() == rows * columns  # a rectangle: a square cut off at the border
        assert 0 < rows <= side and 0 < columns <= side
    assert torch.equal(x[~hidden], torch.ones_like(x[~hidden]))
    assert (hidden.sum((1, 2)) == side**2).any()


def test_half_covers_are_the_upper_or_the_lower_half():
    hidden = changed(torch.ones(32, 3, 48, 48), half=1.0)[:, 0] == 0
    upper = hidden[:, :24].all((1, 2)) & ~hidden[:, 24:].any(2).any(1)
    lower = hidden[:, 24:].all((1, 2)) & ~hidden[:, :24].any(2).any(1)
    assert (upper ^ lower).all() and upper.any() and lower.any()


@pytest.mark.parametrize("name", ["coarse", "blur"])
def test_detail_goes_and_the_mean_stays(name):
    def detail(x):
        return (x[..., 1:] - x[..., :-1]).abs().mean()

    x = changed(chips(), **{name: 1.0})
    assert detail(x) < 0.7 * detail(chips())
    assert (x.mean((1, 2, 3)) - chips().mean((1, 2, 3))).abs().max() < 0.03


def test_turning_goes_both_ways_and_keeps_the_middle():
    spot = torch.zeros(32, 3, 49, 49)
    spot[:, :, 24, 24] = 1
    x = changed(spot, 49, turn=0.5)
    assert (x[:, 0].flatten(1).argmax(1) == 24 * 49 + 24).all()
