"""What everything that is drawn into pictures shares: colours, the font, text that fits into a width.

Colours are the colour-blind-safe set that svg.py names its source of.
"""

from __future__ import annotations

from PIL import ImageDraw, ImageFont

from emollm.output.svg import BLUE, ORANGE

COLOURS = (ORANGE, "#56B4E9", "#009E73", "#F0E442", "#CC79A7", "#D55E00", BLUE)
BACK, PAPER, INK, FAINT, LINE = "#14181D", "#1C222A", "#F2F4F6", "#9AA6B2", "#3A4450"
Box = tuple[float, float, float, float]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def font(size: float) -> Font:
    return ImageFont.load_default(max(9, round(size)))


def fold(text: str, with_font: Font, width: float) -> list[str]:
    """Lines that fit into a width in px."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and with_font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def rgba(colour: str, alpha: int) -> tuple[int, int, int, int]:
    return (*rgb(colour), alpha)


def text_colour_on(colour: str) -> str:
    """Black or white text, whichever stands out (relative luminance after WCAG 2.1)."""
    linear = [(v / 255 / 12.92) if v <= 10 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in rgb(colour)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if luminance > 0.179 else "#FFFFFF"


def tag(pen: ImageDraw.ImageDraw, box: Box, text: str, colour: str, unit: int, size: float = 1.0) -> None:
    """A name in the middle of a rounded box. unit: text height, px; size: of this text, where 1 is that height."""
    pen.rounded_rectangle(box, radius=unit / 3, fill=colour)
    middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    pen.text(middle, text, font=font(unit * size), fill=text_colour_on(colour), anchor="mm")
