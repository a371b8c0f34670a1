"""The frame of one face that covers are drawn in: origin between the lips, x to the picture's right, unit: the face's width."""

from __future__ import annotations

import cv2
import numpy as np

# Landmarks along the jaw, from one ear to the other.
OVAL_BELOW = (234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454)


class Frame:
    """The frame of one face; landmarks [478, 2+] px."""

    def __init__(self, points: np.ndarray):
        p = points[:, :2].astype(float)
        self.unit = max(float(np.linalg.norm(p[454] - p[234])), 4.0)
        self.x = (p[454] - p[234]) / self.unit
        self.y = np.array([-self.x[1], self.x[0]])
        self.origin, self.points = (p[13] + p[14]) / 2, p

    def to_px(self, corners: object) -> np.ndarray:
        """Places of the frame as px of the picture, [..., 2] both."""
        corners = np.asarray(corners, float)
        return self.origin + self.unit * (corners[..., :1] * self.x + corners[..., 1:] * self.y)

    def frame(self, points: np.ndarray) -> np.ndarray:
        """Px of the picture [N, 2] as places of the frame: the inverse of `to_px`."""
        d = (points - self.origin) / self.unit
        return np.stack([d @ self.x, d @ self.y], -1)

    def landmark_places(self, places: tuple[int, ...]) -> np.ndarray:
        """These landmarks as places of the frame, [N, 2]."""
        return self.frame(self.points[list(places)])


def mask_of(corners: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Mask [H, W] uint8 of a polygon with corners in px; its rim is drawn to an eighth of a pixel."""
    mask = np.zeros(size, np.uint8)
    cv2.fillPoly(mask, [np.round(corners * 8).astype(np.int32)], 255, cv2.LINE_AA, 3)
    return mask
