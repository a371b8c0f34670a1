"""Make one face into many: batches of chips, warped, relit, coarsened and covered as faces in the wild are.

Contract: chips [B, C, S, S] float in [-1, 1], all channels alike (grey), in and out. Every random number comes from the
generator that is handed in, so the same seed gives the same pictures. Work is done on one channel and on whole batches.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

SOFT, HARD = 0.6, 1.2  # sigma of the blurs, in pixels of the chip
BLUR_RADIUS = 3  # px
COARSEST = 0.4  # side of the coarsest picture as a share of the chip: a face of about 20 px
COVER_SIDE = 0.35  # of a square cover, as a share of the chip


@dataclass(frozen=True)
class Strengths:
    """How far a face may be changed. Warps and light: drawn uniformly within plus and minus the value.

    turn: rad. zoom: logarithm of the scale, for both sides; stretch: for the one side against the other. shift: of half
    the chip. contrast: share. brightness: of half the range of grey. The rest are shares of the faces: mirror; coarse
    (sampled down and up again); blur; cover (one square hidden); half (the lower or the upper half hidden).
    """

    turn: float = 0.0
    zoom: float = 0.0
    stretch: float = 0.0
    shift: float = 0.0
    contrast: float = 0.0
    brightness: float = 0.0
    mirror: float = 0.0
    coarse: float = 0.0
    blur: float = 0.0
    cover: float = 0.0
    half: float = 0.0

    def scale_by(self, factor: float) -> "Strengths":
        """All but the mirror image, which is a face like any other, `factor` times as strong."""
        return Strengths(**{k: v if k == "mirror" else v * factor for k, v in vars(self).items()})


def augment(chips: torch.Tensor, size: int, strengths: Strengths, generator: torch.Generator) -> torch.Tensor:
    """Changed copies of `chips`, [B, C, S, S] -> [B, C, size, size]."""
    channels = chips.shape[1]
    x = warp(chips[:, :1], size, strengths, generator)
    x = blur(coarsen(x, strengths.coarse, generator), strengths.blur, generator)
    x = relight(x, strengths, generator)
    return cover(x, strengths, generator).expand(-1, channels, -1, -1)


def uniform(like: torch.Tensor, low: float, high: float, generator: torch.Generator) -> torch.Tensor:
    """One number for each picture of the batch, [B]."""
    return torch.rand(len(like), generator=generator, device=like.device) * (high - low) + low


def draw_chosen(like: torch.Tensor, share: float, generator: torch.Generator) -> torch.Tensor:
    """Which pictures of the batch are meant, [B] bool, each with probability `share`."""
    return uniform(like, 0, 1, generator) < share


def warp(x: torch.Tensor, size: int, s: Strengths, generator: torch.Generator) -> torch.Tensor:
    """Turned, zoomed, stretched, shifted, mirrored; what comes in from outside repeats the edge. [B, 1, S, S]."""
    def draw_within(bound: float) -> torch.Tensor:
        return uniform(x, -bound, bound, generator)

    angle, zoom, stretch = draw_within(s.turn), draw_within(s.zoom), draw_within(s.stretch)
    across, down = torch.exp(zoom + stretch / 2), torch.exp(zoom - stretch / 2)
    across = torch.where(draw_chosen(x, s.mirror, generator), -across, across)
    theta = torch.stack([torch.stack([across * angle.cos(), -down * angle.sin(), draw_within(s.shift)], 1),
                         torch.stack([across * angle.sin(), down * angle.cos(), draw_within(s.shift)], 1)], 1)
    grid = F.affine_grid(theta, [len(x), 1, size, size], align_corners=False)
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


def coarsen(x: torch.Tensor, share: float, generator: torch.Generator) -> torch.Tensor:
    """Some pictures as if the face had been small: averaged down to a side drawn once a batch, and up again."""
    if share == 0:
        return x
    scale = float(torch.rand(1, generator=generator, device=x.device)) * (1 - COARSEST) + COARSEST
    side = x.shape[-1]
    small = F.interpolate(x, size=(round(side * scale),) * 2, mode="bilinear", antialias=True, align_corners=False)
    large = F.interpolate(small, size=(side, side), mode="bilinear", align_corners=False)
    return torch.where(draw_chosen(x, share, generator)[:, None, None, None], large, x)


def blur(x: torch.Tensor, share: float, generator: torch.Generator) -> torch.Tensor:
    """Some pictures blurred by a Gaussian, its width drawn once a batch."""
    if share == 0:
        return x
    sigma = float(torch.rand(1, generator=generator, device=x.device)) * (HARD - SOFT) + SOFT
    offset = torch.arange(-BLUR_RADIUS, BLUR_RADIUS + 1, device=x.device)
    kernel = torch.exp(-(offset**2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).to(x.dtype)
    padded = F.pad(x, [BLUR_RADIUS] * 4, mode="replicate")
    blurred = F.conv2d(F.conv2d(padded, kernel[None, None, :, None]), kernel[None, None, None, :])
    return torch.where(draw_chosen(x, share, generator)[:, None, None, None], blurred, x)


def relight(x: torch.Tensor, s: Strengths, generator: torch.Generator) -> torch.Tensor:
    """Contrast about middle grey, then brightness, kept within [-1, 1]."""
    contrast = 1 + uniform(x, -s.contrast, s.contrast, generator)
    brightness = uniform(x, -s.brightness, s.brightness, generator)
    return (x * contrast[:, None, None, None] + brightness[:, None, None, None]).clamp(-1, 1)


def cover(x: torch.Tensor, s: Strengths, generator: torch.Generator) -> torch.Tensor:
    """Middle grey over a square of some faces (DeVries and Taylor, 2017) and over one half of others."""
    size = x.shape[-1]
    side, pixel = round(size * COVER_SIDE), torch.arange(size, device=x.device)
    top, left = (uniform(x, -side / 2, size - side / 2, generator).round()[:, None] for _ in range(2))
    rows, columns = (pixel >= top) & (pixel < top + side), (pixel >= left) & (pixel < left + side)
    square = rows[:, :, None] & columns[:, None, :] & draw_chosen(x, s.cover, generator)[:, None, None]
    lower = draw_chosen(x, 0.5, generator)[:, None]
    half = ((pixel >= size // 2) == lower) & draw_chosen(x, s.half, generator)[:, None]
    return x.masked_fill((square | half[:, :, None])[:, None], 0.0)
