"""Further moments of a clip in one row: the face cut out where a movement is strongest, with the regions that show then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from emollm.output.moments import MAX_OTHERS, claims_shown_at
from emollm.output.pens import BACK, INK, font, tag
from emollm.output.regions import View, draw_regions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emollm.explanation import Explanation

ROOM = 1.2  # side of what is cut out, in longer sides of the face's box


def row(pictures: Mapping[float, Image.Image], explanation: Explanation, colours: dict[str, str], width: int,
        unit: int) -> Image.Image:
    """The row, `width` px wide. pictures: the frame of each moment (moments.other_times), by its time in s."""
    side, caption = width // MAX_OTHERS - unit, round(unit * 2.2)
    image = Image.new("RGB", (width, side + caption + unit), BACK)
    for k, (time, picture) in enumerate(sorted(pictures.items())):
        left = round(unit / 2) + k * (side + unit)
        claims = claims_shown_at(explanation, time)
        image.paste(_face(picture, claims, colours, side, unit), (left, caption))
        _caption(ImageDraw.Draw(image), time, [claim.au for claim in claims], colours, (left, side), unit)
    return image


def _face(picture: Image.Image, claims: list, colours: dict[str, str], side: int, unit: int) -> Image.Image:
    x0, y0, x1, y1 = claims[0].box
    reach = ROOM * max(x1 - x0, y1 - y0)
    left, top = (x0 + x1 - reach) / 2, (y0 + y1 - reach) / 2
    # Where the face touches the picture's edge, what lies outside stays black.
    cut = picture.transform((side, side), Image.Transform.AFFINE, (reach / side, 0, left, 0, reach / side, top),
                            Image.Resampling.BICUBIC)
    view = View(cut, left, top, side / reach)
    draw_regions(view, [], claims, colours, unit, named=False)
    return view.image


def _caption(pen: ImageDraw.ImageDraw, time: float, units: list[str], colours: dict[str, str], place: tuple[int, int],
             unit: int) -> None:
    """The moment and the units drawn at it, as many as there is room for."""
    x, end, height = place[0], sum(place), unit * 1.4
    pen.text((x, unit * 1.2), f"{time:.2f} s", font=font(unit * 0.9), fill=INK, anchor="lm")
    x += round(unit * 4.4)
    for au in units[:max(0, int((end - x) // (unit * 3.7)))]:
        tag(pen, (x, unit * 0.5, x + unit * 3.5, unit * 0.5 + height), au, colours[au], unit, 0.9)
        x += round(unit * 3.7)
