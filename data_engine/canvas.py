"""A picture to draw on in the frame of a face, for the covers that nothing was learnt from."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from data_engine.face_frame import OVAL_BELOW, Frame, mask_of


class Canvas(Frame):
    """A picture [H, W, 3] to draw on in the frame of a face with landmarks [478, 2+] px."""

    def __init__(self, picture: np.ndarray, points: np.ndarray, seed: int):
        super().__init__(points)
        self.picture, self.p, self.rng = picture.astype(np.float32), self.points, np.random.default_rng(seed)
        grid = np.stack(np.meshgrid(np.arange(picture.shape[1]), np.arange(picture.shape[0])), -1) - self.origin
        self.u, self.v = (grid @ self.x / self.unit).astype(np.float32), (grid @ self.y / self.unit).astype(np.float32)
        grey = cv2.GaussianBlur(self.picture.mean(2), (0, 0), max(0.12 * self.unit, 1))
        cheek = [
            self.picture[max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3] for x, y in self.p[[50, 280, 151]].round().astype(int)
        ]
        self.skin = np.median(np.vstack([patch.reshape(-1, 3) for patch in cheek]), 0)
        self.light = np.clip(grey / max(float(grey[self.polygon_mask(self.face())].mean()), 1), 0.5, 1.4)[..., None]

    def face(self) -> np.ndarray:
        """Outline of the face, px [N, 2]."""
        return np.vstack([self.p[list(OVAL_BELOW)], self.p[[10]]])

    def polygon_mask(self, corners: np.ndarray) -> np.ndarray:
        """Which pixels [H, W] lie in a polygon, px."""
        return mask_of(corners, self.picture.shape[:2]) > 127

    def ellipse(self, centre: tuple, radii: tuple, degrees: float = 0) -> np.ndarray:
        """Corners of an ellipse given in the frame, px [60, 2]."""
        t, a = np.linspace(0, 2 * np.pi, 60), np.radians(degrees)
        x, y = radii[0] * np.cos(t), radii[1] * np.sin(t)
        return self.to_px(np.stack([centre[0] + x * np.cos(a) - y * np.sin(a), centre[1] + x * np.sin(a) + y * np.cos(a)], -1))

    def lay(self, corners: np.ndarray, colour: object, lit: float = 0.7) -> None:
        """Fill a shape with a colour [3] or a texture [H, W, 3], lit in part as the face is."""
        mask = mask_of(corners, self.picture.shape[:2])
        soft = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), max(0.004 * self.unit, 0.3))[..., None]
        fill = np.broadcast_to(np.asarray(colour, np.float32), self.picture.shape) * (1 + lit * (self.light - 1))
        fill = fill + self.rng.normal(0, 2, fill.shape)
        self.picture = self.picture * (1 - soft) + np.clip(fill, 0, 255) * soft

    def line(self, corners: object, colour: object, width: float) -> None:
        """Draw a line through places of the frame; width: in widths of the face."""
        at = np.round(self.to_px(corners) * 8).astype(np.int32)
        cv2.polylines(self.picture, [at], False, tuple(map(float, colour)), max(1, round(width * self.unit)), cv2.LINE_AA, 3)

    def blend(self, first: object, second: object, share: np.ndarray) -> np.ndarray:
        """A texture [H, W, 3] of two colours, `share` [H, W] of it the second one."""
        first, second = np.asarray(first, np.float32), np.asarray(second, np.float32)
        return first + (second - first) * np.clip(share, 0, 1)[..., None]

    def grain(self, size: float) -> np.ndarray:
        """Smooth noise [H, W] with a standard deviation of 1; size: of a grain, in widths of the face."""
        noise = cv2.GaussianBlur(
            self.rng.normal(0, 1, self.picture.shape[:2]).astype(np.float32), (0, 0), max(size * self.unit, 0.3)
        )
        return noise / max(float(noise.std()), 1e-6)

    def pixelate(self, corners: np.ndarray, size: float) -> None:
        """Make a shape unrecognisable, as newspapers do; size: of a square, in widths of the face."""
        step = max(int(size * self.unit), 2)
        height, width = self.picture.shape[:2]
        small = cv2.resize(self.picture, (max(width // step, 1), max(height // step, 1)), interpolation=cv2.INTER_AREA)
        self.lay(corners, cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST), 0)

    def finish(self) -> np.ndarray:
        return self.picture.clip(0, 255).round().astype(np.uint8)


def draw_on(picture: np.ndarray, points: np.ndarray, draw: Callable[[Canvas], None], seed: int = 0) -> np.ndarray:
    """The picture [H, W, 3] uint8 with one cover on the face of these landmarks [478, 2+] px."""
    canvas = Canvas(picture, points, seed)
    draw(canvas)
    return canvas.finish()
