"""Draw an explanation: the face, the cited action units with their regions, level bars beside, the reading and its text below;
of a clip its course in time as well.

One call, `annotate`, gives a Pillow image. Everything is laid out in units of one text size that follows the picture,
so that a 48 px crop and a 40 megapixel photograph both stay readable. Verdicts are told by shape as well as by colour.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from emollm.explanation import DISCLOSURE, NOT_ENOUGH, NOTHING_MOVED, alternatives, ranking
from emollm.facs.units import ACTION_UNITS
from emollm.files import write_file
from emollm.output import insets
from emollm.output.moments import cited_claims, claims_shown_at, count, key_box, key_time, moving_units, other_times, value_of
from emollm.output.pens import BACK, COLOURS, FAINT, INK, LINE, PAPER, Box, fold, font, tag
from emollm.output.regions import View, draw_regions, moment
from emollm.output.strip import Strip, colours_of
from emollm.schema import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from emollm.explanation import Explanation
    from emollm.schema import Claim

__all__ = ["annotate", "frame_at", "image_format", "is_film", "key_box", "key_time", "other_times", "save"]

FORMATS, FILM = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}, ".mp4"
MIN_VIEW, MAX_VIEW = 760, 1400  # px, longer side of the shown picture
SMALL_FACE = 0.42  # a face below this share of the picture's height is shown enlarged, with the whole picture small
ROOM = 0.7  # picture kept on each side of an enlarged face, in face sizes
MAX_LINES = 12  # of the text


def annotate(picture: Image.Image | np.ndarray, explanation: Explanation,
             others: Mapping[float, Image.Image | np.ndarray] | None = None) -> Image.Image:
    """The picture with one explanation drawn on and beside it, RGB.

    picture: the frame of key_time(), Pillow image or [H, W, 3] uint8 RGB, in the pixels of the explanation; others: of a clip
    the frames of other_times(), by their time. An explanation without a box gives the picture with its notices only.
    """
    photo = _image(picture)
    box, view = key_box(explanation), view_of(photo, key_box(explanation))
    cited = cited_claims(explanation)
    colours = colours_of(list(dict.fromkeys([*(claim.au for claim in cited), *moving_units(explanation)])))
    unit = max(13, round(min(view.image.width, 1.4 * view.image.height) / 44))  # text height, px
    time, course = key_time(explanation), count(explanation) > 1
    caption = f"{time:.2f} s" if course else ""
    draw_regions(view, box, claims_shown_at(explanation, time), colours, unit, said=caption)
    part = view.image.size != (round(photo.width * view.scale), round(photo.height * view.scale))
    panel = _panel(explanation, cited, colours, unit, photo if part else None)
    height = max(view.image.height, panel.height)
    width = view.image.width + panel.width
    below = [_footer(explanation, width, unit)]
    if course:
        moment(view.image, caption, unit)
        below.insert(0, _course(explanation, colours, width, unit))
    if others:
        below.insert(0, insets.row({time: _image(one) for time, one in others.items()}, explanation, colours, width, unit))
    canvas = Image.new("RGB", (width, height + sum(image.height for image in below)), BACK)
    canvas.paste(view.image, (0, (height - view.image.height) // 2))
    canvas.paste(PAPER, (view.image.width, 0, canvas.width, height))
    canvas.paste(panel, (view.image.width, 0))
    for image in below:
        canvas.paste(image, (0, height))
        height += image.height
    return canvas


def _image(picture: Image.Image | np.ndarray) -> Image.Image:
    return (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).convert("RGB")


def frame_at(source: str | os.PathLike | bytes | np.ndarray, seconds: float) -> np.ndarray:
    """The frame of a photo or clip that is nearest to a time, [H, W, 3] uint8 RGB upright.

    Decodes only what is needed to come there, and converts only frames around it. Raises InputError when the media cannot
    be read.
    """
    from emollm.perception import media

    for room in (0.05, 2.0):  # s; frames may be far apart
        around = {"start": max(0.0, seconds - room), "end": seconds + room}
        with contextlib.suppress(InputError):  # past the end; what is really wrong is said below
            near = min(media.read(source, **around).frames(), key=lambda frame: abs(frame[1] - seconds), default=None)
            if near is not None:
                return near[2]
    return min(media.read(source).frames(), key=lambda frame: abs(frame[1] - seconds))[2]


def save(image: Image.Image, path: str | os.PathLike) -> None:
    """Write a picture as PNG or JPEG by its extension, whole or not at all. Raises InputError for another extension."""
    kind = image_format(path)
    buffer = io.BytesIO()
    image.save(buffer, kind, **({"quality": 92} if kind == "JPEG" else {"optimize": True}))
    write_file(path, buffer.getvalue())


def is_film(path: str | os.PathLike) -> bool:
    """Whether a drawing is to be a film (film.write), not a picture. Raises InputError for an extension of neither."""
    suffix = Path(path).suffix.lower()
    if suffix not in (*FORMATS, FILM):
        raise InputError(f"{path}: cannot draw a '{suffix or 'file without extension'}'. Name it .png or .jpg, or {FILM} "
                         "for a clip.")
    return suffix == FILM


def image_format(path: str | os.PathLike) -> str:
    """PNG or JPEG. Raises InputError for another extension."""
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise InputError(f"{path}: cannot draw a '{suffix or 'file without extension'}'. Name it .png or .jpg.")
    return FORMATS[suffix]


# --- the picture -------------------------------------------------------------------------------------------------

def view_of(photo: Image.Image, box: list[float]) -> View:
    """The whole picture, or the surroundings of a face that would be too small to see, at a readable size."""
    area: Box = (0.0, 0.0, float(photo.width), float(photo.height))
    if box and box[3] - box[1] < SMALL_FACE * photo.height:
        room = ROOM * max(box[2] - box[0], box[3] - box[1])
        area = (max(0.0, math.floor(box[0] - room)), max(0.0, math.floor(box[1] - room)),
                min(float(photo.width), math.ceil(box[2] + room)), min(float(photo.height), math.ceil(box[3] + room)))
    longer = max(area[2] - area[0], area[3] - area[1])
    scale = min(max(longer, MIN_VIEW), MAX_VIEW) / longer
    size = (max(1, round((area[2] - area[0]) * scale)), max(1, round((area[3] - area[1]) * scale)))
    image = photo.resize(size, Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.BICUBIC, box=area)
    return View(image, area[0], area[1], scale)


# --- beside and below --------------------------------------------------------------------------------------------

def _panel(explanation: Explanation, cited: list[Claim], colours: dict[str, str], unit: int,
           whole: Image.Image | None) -> Image.Image:
    """Level bars of the cited action units; the whole picture with the face's box when only a part is shown."""
    row, pad, width = round(unit * 3.3), round(unit * 1.3), round(unit * 25)
    top = round(unit * 4.4)
    thumb = None
    if whole is not None:
        thumb = whole.copy()
        thumb.thumbnail((width - 2 * pad, unit * 14))
        _mark_face(thumb, key_box(explanation), whole.width, unit)
    height = top + row * max(1, len(cited)) + pad + (thumb.height + pad if thumb else 0)
    panel = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(panel)
    pen.text((pad, pad), "Measured movement", font=font(round(unit * 1.25)), fill=INK)
    pen.text((pad, pad + unit * 1.65), "level 0 to 5 (FACS A to E), as cited; tick: as measured",
             font=font(unit * 0.78), fill=FAINT)
    if not cited:
        pen.text((pad, top), _why_empty(explanation), font=font(unit), fill=INK)
    for k, claim in enumerate(cited):
        _level_row(pen, claim, colours[claim.au], (pad, top + k * row, width - pad), unit)
        if count(explanation) > 1 and claim.region:
            at = (width - pad, top + k * row + unit * 0.78)
            pen.text(at, f"{claim.frame_time:.2f} s", font=font(unit * 0.85), fill=FAINT, anchor="rm")
    if thumb:
        panel.paste(thumb, (pad, height - pad - thumb.height))
    return panel


def _why_empty(explanation: Explanation) -> str:
    """Why no action unit is listed."""
    if not explanation.measured:
        return "No face measured."
    return NOTHING_MOVED if explanation.label else "Not read: the reason stands below."


def _course(explanation: Explanation, colours: dict[str, str], width: int, unit: int) -> Image.Image:
    """The strip of a clip with the drawn moment marked in it."""
    drawn = Strip(explanation, moving_units(explanation), colours, width, unit)
    drawn.mark(ImageDraw.Draw(drawn.image), key_time(explanation))
    return drawn.image


def _level_row(pen: ImageDraw.ImageDraw, claim: Claim, colour: str, at: tuple[int, int, int], unit: int) -> None:
    """Verdict mark, tag, name and side, then the bar with the measured value as a tick."""
    left, top, right = at
    _mark(pen, claim.verdict, (left + unit * 0.5, top + unit * 0.8), unit)
    box = (left + unit * 1.5, top, left + unit * 5.1, top + unit * 1.55)
    tag(pen, box, claim.au, colour, unit)
    side = "" if claim.side == "both" else f", {claim.side}"
    pen.text((box[2] + unit * 0.6, top + unit * 0.78), ACTION_UNITS[claim.au].title + side, font=font(unit), fill=INK,
             anchor="lm")
    value = value_of(claim.intensity) if claim.polarity == "present" else 0.0
    words = f"{claim.level} {value:.1f}".strip() if claim.polarity == "present" else "absent"
    bar = (left + unit * 1.5, top + unit * 1.95, right - unit * 7, top + unit * 2.45)
    pen.rounded_rectangle(bar, radius=unit / 4, fill=LINE)
    length = (bar[2] - bar[0]) * min(value, 5) / 5
    if length >= unit / 2:
        pen.rounded_rectangle((bar[0], bar[1], bar[0] + length, bar[3]), radius=unit / 4, fill=colour)
    for letter in range(1, 5):
        x = bar[0] + (bar[2] - bar[0]) * letter / 5
        pen.line([(x, bar[1]), (x, bar[3])], fill=PAPER, width=max(1, unit // 12))
    if not math.isnan(claim.measured_intensity):
        x = bar[0] + (bar[2] - bar[0]) * min(claim.measured_intensity, 5) / 5
        pen.line([(x, bar[1] - unit * 0.25), (x, bar[3] + unit * 0.25)], fill=INK, width=max(2, unit // 6))
    pen.text((bar[2] + unit * 0.6, (bar[1] + bar[3]) / 2), words, font=font(unit * 0.85), fill=FAINT, anchor="lm")


def _mark(pen: ImageDraw.ImageDraw, verdict: str, centre: tuple[float, float], unit: int) -> None:
    """Tick, cross, question mark or dot: the default font has no such signs, and shape tells without colour."""
    x, y = centre
    arm, stroke = unit * 0.36, max(2, round(unit / 6))
    if verdict == "supported":
        pen.line([(x - arm, y), (x - arm * 0.25, y + arm * 0.8), (x + arm, y - arm * 0.8)], fill=COLOURS[2],
                 width=stroke, joint="curve")
    elif verdict == "contradicted":
        pen.line([(x - arm, y - arm), (x + arm, y + arm)], fill=COLOURS[5], width=stroke)
        pen.line([(x - arm, y + arm), (x + arm, y - arm)], fill=COLOURS[5], width=stroke)
    elif verdict == "unsure":
        pen.text((x, y), "?", font=font(unit * 1.2), fill=COLOURS[0], anchor="mm")
    else:
        pen.ellipse([x - arm / 2, y - arm / 2, x + arm / 2, y + arm / 2], fill=FAINT)


def _mark_face(thumb: Image.Image, box: list[float], full_width: int, unit: int) -> None:
    scale = thumb.width / full_width
    x0, y0, x1, y1 = (v * scale for v in box)
    grow = max(0.0, unit / 2 - (x1 - x0) / 2)  # a face of a few pixels still gets a box that can be seen
    ImageDraw.Draw(thumb).rectangle([x0 - grow, y0 - grow, x1 + grow, y1 + grow], outline=COLOURS[0],
                                    width=max(2, unit // 7))


def _footer(explanation: Explanation, width: int, unit: int) -> Image.Image:
    """The reading with its confidence, the three most probable labels as bars, the text, notices and the disclosure."""
    pad = round(unit * 1.2)
    small, wide = font(unit * 0.8), width - 2 * pad
    lines = [(line, INK) for line in fold(explanation.interpretation, small, wide) if line][:MAX_LINES]
    notices = [notice.removeprefix(f"{NOT_ENOUGH}: ") for notice in explanation.notices]  # the heading says that already
    lines += [(line, COLOURS[0]) for notice in notices for line in fold(notice, small, wide)]
    lines += [(line, FAINT) for line in fold(DISCLOSURE, small, wide)]
    bars = ranking(explanation)[:3] if explanation.label else []
    top = round(unit * 6.6)
    footer = Image.new("RGB", (width, round(top + unit * 1.25 * len(lines) + pad)), BACK)
    pen = ImageDraw.Draw(footer)
    wide = round(width * (0.56 if bars else 1)) - 2 * pad
    pen.text((pad, pad), "commonly read as" if explanation.label else "this face", font=font(unit), fill=FAINT)
    pen.text((pad, pad + unit * 1.1), explanation.label or NOT_ENOUGH, font=font(unit * 2), fill=INK)
    if explanation.label:
        others = alternatives(explanation)
        also = f"; could also be read as {' or '.join(others)}" if others else ""
        also = f"confidence {explanation.confidence:.2f}{also}"
        for k, line in enumerate(fold(also, font(unit), wide)[:2]):
            pen.text((pad, pad + unit * (3.5 + 1.2 * k)), line, font=font(unit), fill=INK)
    for k, (label, probability) in enumerate(bars):
        _label_bar(pen, label, probability, (round(width * 0.56), round(pad + k * unit * 1.75), width - pad), unit)
    for k, (line, colour) in enumerate(lines):
        pen.text((pad, top + k * unit * 1.25), line, font=small, fill=colour)
    return footer


def _label_bar(pen: ImageDraw.ImageDraw, label: str, probability: float, at: tuple[int, int, int], unit: int) -> None:
    left, top, right = at
    middle = top + unit * 0.8
    bar = (left + unit * 6.4, middle - unit * 0.35, right - unit * 2.6, middle + unit * 0.35)
    pen.text((left, middle), label, font=font(unit), fill=INK, anchor="lm")
    pen.rounded_rectangle(bar, radius=unit / 3, fill=LINE)
    if (bar[2] - bar[0]) * probability > unit * 0.7:
        pen.rounded_rectangle((*bar[:2], bar[0] + (bar[2] - bar[0]) * probability, bar[3]), radius=unit / 3,
                              fill=COLOURS[1])
    pen.text((right, middle), f"{probability:.2f}", font=font(unit), fill=INK, anchor="rm")
