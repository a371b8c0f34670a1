"""Two movements for which FACS has two units each and most other machines one: the drop of the jaw and the closing of the eyes.

AU27 is a jaw dropped further than AU26, and FACS codes one of them; AU45 (a blink) are eyes that close (AU43) for a moment.
OpenFace, LibreFace and py-feat have no AU27, and AU43 or AU45 alone; a blend shape opens the jaw or closes an eye, however far
and long.
"""

from __future__ import annotations

import numpy as np

from emollm.schema import NEARLY_ON, AUSeries, au_index

PAIRS = ((au_index(26), au_index(27)), (au_index(43), au_index(45)))
(JAW, STRETCHED), CLOSING = PAIRS


def jaw_drop(dropped: np.ndarray, stretched: np.ndarray) -> np.ndarray:
    """Level of a jaw drop of any size, of levels of AU26 and AU27 of any shape; NaN where neither tells it.

    AU27 is the second half of its way, as where a blend shape is read: level 0 stands for 2.5, 5 for 5. It counts from where
    AU26 gives way to it; below that a resting face has some.
    """
    return np.where(np.nan_to_num(stretched) >= NEARLY_ON, np.fmax(dropped, (5 + stretched) / 2), dropped)


def join(levels: np.ndarray) -> np.ndarray:
    """Levels [..., 24] as of a machine with one unit a movement: AU26 the jaw drop, AU43 and AU45 the closing of the eyes."""
    whole = levels.copy()
    whole[..., JAW] = jaw_drop(levels[..., JAW], levels[..., STRETCHED])
    whole[..., list(CLOSING)] = np.fmax(*(levels[..., k] for k in CLOSING))[..., None]
    return whole


def stronger_side(series: AUSeries) -> np.ndarray:
    """Levels [T, 24]; NaN where neither side was seen or the unit is not measured."""
    return np.where(series.measured, np.fmax(series.intensity[..., 0], series.intensity[..., 1]), np.nan)
