"""The few shapes of SVG that the figures need, as text: no library, sharp at any size, open in every editor.

Coordinates are px, rounded to a tenth. Colours are the colour-blind-safe set of Okabe & Ito (jfly.uni-koeln.de/color, 2008).
"""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

BLUE, ORANGE = "#0072B2", "#E69F00"
INK, FAINT, GRID = "#1C222A", "#6B7682", "#DDE2E7"
FONT = "Helvetica, Arial, sans-serif"


def page(width: float, height: float, title: str, body: Iterable[str]) -> str:
    """A whole figure on white; the title is read out by screen readers."""
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(width)} {_n(height)}" width="{_n(width)}" '
        f'height="{_n(height)}" font-family={quoteattr(FONT)} role="img">', f"<title>{escape(title)}</title>",
        f'<rect width="{_n(width)}" height="{_n(height)}" fill="#FFFFFF"/>', *body, "</svg>", ""])


def line(x0: float, y0: float, x1: float, y1: float, colour: str = GRID, width: float = 1) -> str:
    return f'<line x1="{_n(x0)}" y1="{_n(y0)}" x2="{_n(x1)}" y2="{_n(y1)}" stroke="{colour}" stroke-width="{_n(width)}"/>'


def path(points: Iterable[tuple[float, float]], colour: str, width: float = 1.2) -> str:
    """An open line through points."""
    joined = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
    return f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="{_n(width)}" stroke-linejoin="round"/>'


def box(x: float, y: float, width: float, height: float, colour: str, opacity: float = 1) -> str:
    return (f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" fill="{colour}" '
            f'fill-opacity="{opacity:g}"/>')


def dot(x: float, y: float, radius: float, colour: str) -> str:
    return f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}" fill="{colour}"/>'


def text(x: float, y: float, words: str, colour: str = INK, size: float = 11, anchor: str = "start") -> str:
    """anchor: start | middle | end."""
    return (f'<text x="{_n(x)}" y="{_n(y)}" fill="{colour}" font-size="{_n(size)}" text-anchor="{anchor}">'
            f"{escape(words)}</text>")


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
