"""Whether a clip shows again what it showed before a cut: the same view, and in the same place a face that looks the same.

Two small grey pictures of a few moments are compared, the whole frame (view) and the aligned face (look), as long as the clip
is followed; nothing is kept of them. That is how alike two pictures are, not who is in them: the same person in another view
is not found again, and is not meant to be (docs/decisions.md has what was measured).
"""

from __future__ import annotations

from collections import deque

import numpy as np

from emollm.perception import appearance

EVERY = 0.5  # s between two remembered moments
BEGINNING, LATELY = 3, 8  # moments remembered of the first that a face was seen in, and of the last
# Correlations from which view and look count as the same. Returns 1, 2, 4 and 8 s later within the shots of nine clips are
# found in 66, 61, 58 and 46 % (n 87, 80, 65, 35). Mistaken: none of 72 pairs of shots of two men who take turns before a white
# wall, none of 1,166 pairs of pictures of different people before one camera.
SAME_VIEW, SAME_LOOK = 0.9, 0.85
INNER = slice(appearance.SIZE // 8, -(appearance.SIZE // 8))  # of a chip: the face without its surroundings

Moment = tuple[np.ndarray, np.ndarray]  # grey view [36, 64] or thereabouts and look [48, 48], flat uint8


class Sights:
    """The moments of one face by which it may be met again."""

    def __init__(self) -> None:
        self.first: list[Moment] = []
        self.last: deque[Moment] = deque(maxlen=LATELY)
        self.due, self.now = -np.inf, None

    def add(self, time: float, view: np.ndarray, chip: np.ndarray) -> None:
        """view: grey picture of the frame; chip: the aligned face [S, S, 3]."""
        self.now = view, chip
        if time < self.due:
            return
        self.due = time + EVERY
        self.last.append(_moment(*self.now))
        if len(self.first) < BEGINNING:
            self.first.append(self.last[-1])

    def go_on(self, later: Sights) -> None:
        self.last.extend(later.last)
        self.due, self.now = later.due, later.now

    def recurs_in(self, later: Sights) -> bool:
        """Whether the beginning of another track shows what this one showed lately."""
        if self.now is None or not later.first:
            return False
        before = [*self.last, _moment(*self.now)]
        views, looks = (correlations([m[k] for m in before], [m[k] for m in later.first]) for k in (0, 1))
        return bool(((views >= SAME_VIEW) & (looks >= SAME_LOOK)).any())


def _moment(view: np.ndarray, chip: np.ndarray) -> Moment:
    return view.astype(np.uint8).ravel(), look(chip).astype(np.uint8)


def look(chip: np.ndarray) -> np.ndarray:
    """The face of an aligned chip [S, S, 3] in grey, flat."""
    return chip[INNER, INNER].mean(2).ravel()


def correlations(a: list[np.ndarray], b: list[np.ndarray]) -> np.ndarray:
    """Correlation of each flat picture of a with each of b, [len(a), len(b)]; 0 where one is all of one grey."""
    def standardise(pictures: list[np.ndarray]) -> np.ndarray:
        x = np.asarray(pictures, np.float32)
        x = x - x.mean(1, keepdims=True)
        return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-6)

    return standardise(a) @ standardise(b).T
