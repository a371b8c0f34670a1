"""Where movements show, drawn on a picture: the face's box, the region of each movement, and a tag beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from emollm.output.pens import BACK, INK, Box, font, rgba, tag

if TYPE_CHECKING:
    from emollm.schema import Claim

SMOOTH = 2  # overlays are drawn this much larger and averaged down: Pillow draws no smooth lines


@dataclass
class View:
    """The shown part of the picture: picture pixels -> view pixels."""

    image: Image.Image
    left: float
    top: float
    scale: float

    def to_view(self, point: list[float] | tuple[float, float]) -> tuple[float, float]:
        # + 0.5: landmarks have integer pixel centres, drawing has integer pixel corners
        return (point[0] + 0.5 - self.left) * self.scale, (point[1] + 0.5 - self.top) * self.scale


def draw_regions(view: View, box: list[float], claims: list[Claim], colours: dict[str, str], unit: int,
                 named: bool = True, said: str = "") -> None:
    """Box and region polygons of movements, the strongest first, in place.

    named: with a tag beside each. said: what moment() will write over it.
    """
    width, height = view.image.size
    layer = Image.new("RGBA", (width * SMOOTH, height * SMOOTH), (0, 0, 0, 0))
    pen = ImageDraw.Draw(layer)
    stroke = max(SMOOTH, round(unit * SMOOTH / 8))
    if box:  # of a face that reaches beyond the picture, what is left of it
        inner = zip((*view.to_view(box[:2]), *view.to_view(box[2:])), (width, height) * 2, strict=True)
        corners = [min(max(v * SMOOTH, stroke), side * SMOOTH - stroke) for v, side in inner]
        for colour, line in (((0, 0, 0, 110), 2 * stroke), ((255, 255, 255, 220), stroke)):  # seen on light and dark
            pen.rounded_rectangle(corners, radius=unit * SMOOTH // 2, outline=colour, width=line)
    for claim in reversed(claims):  # the strongest is drawn last, on top
        for patch in claim.patches or [claim.region]:
            points = [(x * SMOOTH, y * SMOOTH) for x, y in map(view.to_view, patch)]
            shade = Image.new("RGBA", layer.size, (0, 0, 0, 0))
            ImageDraw.Draw(shade).polygon(points, fill=rgba(colours[claim.au], 44))
            layer.alpha_composite(shade)
            _outline(pen, points, colours[claim.au], stroke, dashed=claim.verdict != "supported")
    layer = layer.resize(view.image.size, Image.Resampling.BOX)
    view.image.paste(Image.alpha_composite(view.image.convert("RGBA"), layer))
    if named:
        face = [v for p in (box[:2], box[2:]) for v in view.to_view(p)] if box else None
        taken = moment_box(view.image.size, said, unit) if said else None
        draw_tags(view.image, {c.au: [view.to_view(p) for p in c.region] for c in claims}, colours, unit, face, taken)


def _outline(pen: ImageDraw.ImageDraw, points: list[tuple[float, float]], colour: str, stroke: int,
             dashed: bool) -> None:
    """A closed line; dashed for a claim that the measurement does not support."""
    ring = [*points, points[0]]
    if not dashed:
        pen.line([*ring, ring[1]], fill=rgba(colour, 235), width=stroke, joint="curve")
        return
    for (x0, y0), (x1, y1) in pairwise(ring):
        dashes = max(1, round(math.hypot(x1 - x0, y1 - y0) / (4 * stroke)))
        for k in range(dashes):
            a, b = k / dashes, (k + 0.5) / dashes
            pen.line([(x0 + (x1 - x0) * a, y0 + (y1 - y0) * a), (x0 + (x1 - x0) * b, y0 + (y1 - y0) * b)],
                     fill=rgba(colour, 235), width=stroke)


def moment_box(size: tuple[int, int], caption: str, unit: int) -> Box:
    """Where moment() writes."""
    return 0, size[1] - unit * 2, unit * 1.2 + font(unit).getlength(caption), size[1]


def moment(image: Image.Image, caption: str, unit: int) -> None:
    """Words on a dark ground in the lower left corner of a picture."""
    pen, box = ImageDraw.Draw(image), moment_box(image.size, caption, unit)
    pen.rectangle(box, fill=BACK)
    pen.text((unit * 0.6, box[1] + unit), caption, font=font(unit), fill=INK, anchor="lm")


def draw_tags(image: Image.Image, polygons: dict[str, list[tuple[float, float]]], colours: dict[str, str], unit: int,
              face: list[float] | None, taken: Box | None = None) -> None:
    """A tag beside every region, on the side of the face it leans to, never on another tag or where words are."""
    pen, small = ImageDraw.Draw(image), font(unit)
    middle = (face[0] + face[2]) / 2 if face else image.width / 2
    placed: list[Box] = [taken] if taken else []
    sides = {True: 0, False: 0}
    for au, points in sorted(polygons.items(), key=lambda item: min(y for _, y in item[1])):
        x = sum(p[0] for p in points) / len(points)
        spread = max(p[0] for p in points) - min(p[0] for p in points)
        # A region across the whole face leans to neither side: take the emptier one.
        leftward = x < middle if abs(x - middle) > spread / 4 else sides[True] <= sides[False]
        sides[leftward] += 1
        anchor = (min if leftward else max)(points)
        box = _place(image.size, small.getbbox(au), anchor, leftward=leftward, face=face, placed=placed,
                     unit=unit)
        placed.append(box)
        end = (box[2] if leftward else box[0], (box[1] + box[3]) / 2)
        pen.line([anchor, end], fill=colours[au], width=max(1, unit // 9))
        pen.ellipse([anchor[0] - unit / 5, anchor[1] - unit / 5, anchor[0] + unit / 5, anchor[1] + unit / 5],
                    fill=colours[au])
        tag(pen, box, au, colours[au], unit)


def _place(size: tuple[int, int], text: Box, anchor: tuple[float, float], *, leftward: bool,
           face: list[float] | None, placed: list[Box], unit: int) -> Box:
    """Where a tag goes: outside the face at the height of its region, moved up or down until it is free."""
    width, height = text[2] - text[0] + unit * 0.8, unit * 1.6
    edge = (face[0] if leftward else face[2]) if face else anchor[0]
    x = edge - width - unit * 0.8 if leftward else edge + unit * 0.8
    x = min(max(unit * 0.4, x), size[0] - width - unit * 0.4)
    for step in range(4 * max(1, round(size[1] / unit))):
        shift = (step + 1) // 2 * unit * 0.45 * (1 if step % 2 else -1)
        y = min(max(2.0, anchor[1] - height / 2 + shift), size[1] - height - 2)
        box = (x, y, x + width, y + height)
        if not any(box[0] < b[2] + 2 and b[0] < box[2] + 2 and box[1] < b[3] + 2 and b[1] < box[3] + 2 for b in placed):
            return box
    return box
