"""What a cover shows in the place of a mouth: a mouth that is printed on it, or the face itself made unrecognisable."""

from __future__ import annotations

import cv2
import numpy as np

from data_engine.face_frame import Frame

PRINTS = ("lower face", "drawn mouth")  # fills of covers of the lower half
# Landmarks around the lips and around what lies between them.
LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
BETWEEN = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191)
Face = tuple[np.ndarray, np.ndarray]  # a picture [H, W, 3] and its landmarks [478, 2+] px


def print_mouth(name: str, base: np.ndarray, frame: Frame, rng: np.random.Generator, others: list[Face]) -> np.ndarray:
    """`base` [H, W, 3] with the lower face of another photograph, or with a drawn mouth, about where the mouth lies."""
    other = others[int(rng.integers(len(others)))]
    return (_lower_face if name == "lower face" else _drawn_mouth)(base.astype(np.float32), frame, rng, other)


def _lower_face(out: np.ndarray, frame: Frame, rng: np.random.Generator, other: Face) -> np.ndarray:
    """All over the cover, or as an oval on it; lit and tinted otherwise than the face."""
    there, turn = Frame(other[1]), rng.normal(0, 0.12)
    size = frame.unit / there.unit * np.exp(rng.normal(0, 0.15))
    axes = np.stack([frame.x, frame.y], -1) @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = size * axes @ np.stack([there.x, there.y])
    shift = frame.to_px(rng.normal(0, 0.05, 2)) - matrix @ there.origin
    photo = cv2.warpAffine(other[0], np.hstack([matrix, shift[:, None]]), out.shape[1::-1], borderMode=cv2.BORDER_REFLECT)
    photo = (photo - photo.mean()) * rng.uniform(0.5, 1.3) + photo.mean() + rng.normal(0, 30)
    if rng.random() < 0.5:
        return photo.astype(np.float32)
    oval = np.zeros(out.shape[:2], np.float32)
    radii = (int(rng.uniform(0.2, 0.36) * frame.unit), int(rng.uniform(0.12, 0.28) * frame.unit))
    cv2.ellipse(oval, frame.to_px((0, 0.03)).astype(int).tolist(), radii, 0, 0, 360, 1.0, -1)
    oval = cv2.GaussianBlur(oval, (0, 0), rng.uniform(0.01, 0.05) * frame.unit)[..., None]
    return out * (1 - oval) + photo * oval


class _Pen:
    """Fills and draws in the frame of a face, its places moved by `at`."""

    def __init__(self, out: np.ndarray, frame: Frame, rng: np.random.Generator):
        self.out, self.frame, self.rng = out, frame, rng
        self.at, self.line = rng.normal((0, 0.03), 0.04), max(1, int(rng.uniform(0.01, 0.035) * frame.unit))
        self.ink, self.light, self.wide = rng.uniform(0, 110, 3), rng.uniform(170, 255, 3), rng.uniform(0.14, 0.34)

    def px(self, corners: object) -> np.ndarray:
        return np.round(self.frame.to_px(np.asarray(corners) + self.at) * 8).astype(np.int32)

    def fill(self, corners: object, colour: np.ndarray) -> None:
        cv2.fillPoly(self.out, [self.px(corners)], colour.tolist(), cv2.LINE_AA, 3)

    def draw(self, corners: object) -> None:
        cv2.polylines(self.out, [self.px(corners)], False, self.ink.tolist(), self.line, cv2.LINE_AA, 3)


def _drawn_mouth(out: np.ndarray, frame: Frame, rng: np.random.Generator, other: Face) -> np.ndarray:
    """The lips of another face, drawn larger or smaller; teeth, a zip, a muzzle or a moustache."""
    kind, pen = str(rng.choice(("lips", "lips", "teeth", "zip", "muzzle", "moustache"))), _Pen(out, frame, rng)
    if kind == "lips":
        grow, there = rng.uniform((0.7, 0.7), (1.6, 2.2)), Frame(other[1])
        pen.ink[0] += rng.uniform(0, 120)
        pen.fill(there.landmark_places(LIPS) * grow, pen.ink)
        pen.fill(there.landmark_places(BETWEEN) * grow, pen.light if rng.random() < 0.6 else pen.ink * 0.4)
    else:
        {"teeth": _teeth, "zip": _zip, "muzzle": _muzzle, "moustache": _moustache}[kind](pen)
    return out


def _teeth(pen: _Pen) -> None:
    high, count, pointed = pen.rng.uniform(0.04, 0.12), int(pen.rng.integers(4, 9)), pen.rng.random() < 0.5
    pen.fill(np.array([(-1, -1.3 * high), (1, -1.3 * high), (1, 1.3 * high), (-1, 1.3 * high)]) * (pen.wide, 1), pen.ink)
    step = 2 * pen.wide / count
    tooth = np.array([(0, 1), (0.8, 1), (0.4, 0.1), (0.4, 0.1)] if pointed else [(0, 1), (0.8, 1), (0.8, 0.1), (0, 0.1)])
    for k in range(count):
        for way in (-1, 1):
            pen.fill(tooth * (step, way * high) + (-pen.wide + step * (k + 0.1), 0), pen.light)


def _zip(pen: _Pen) -> None:
    pen.draw([(-pen.wide, 0), (pen.wide, pen.rng.normal(0, 0.03))])
    for x in np.arange(-pen.wide, pen.wide, pen.rng.uniform(0.03, 0.08)):
        pen.draw([(x, -0.04), (x + 0.01, 0.04)])


def _muzzle(pen: _Pen) -> None:
    """Of a cat or a dog."""
    pen.fill([(-0.09, -0.2), (0.09, -0.2), (0, -0.11)], pen.ink)
    pen.draw([(0, -0.11), (0, 0)])
    for way in (-1, 1):
        pen.draw(np.array([(0, 0), (0.3, 0.05), (0.7, 0.04), (1, -0.02)]) * (way * pen.wide, 1))
        for y in (-0.06, 0, 0.06):
            pen.draw([(way * 0.15, 0.3 * y - 0.03), (way * (0.2 + pen.wide), y - 0.03)])


def _moustache(pen: _Pen) -> None:
    for way in (-1, 1):
        half = [(0, -0.1), (0.5, -0.13), (1, -0.02), (1.2, -0.08), (1, 0.02), (0.4, -0.02), (0, -0.04)]
        pen.fill(np.array(half) * (way * pen.wide, 1), pen.ink)
    if pen.rng.random() < 0.7:
        pen.draw(np.array([(-0.5, 0.06), (0, 0.08), (0.5, 0.05)]) * (pen.wide, 1))


def smear(picture: np.ndarray, frame: Frame, rng: np.random.Generator) -> np.ndarray:
    """The picture blurred, broken into cells of one colour each, or swirled, [H, W, 3] float32."""
    kind, picture = rng.choice(("blur", "cells", "swirl")), picture.astype(np.float32)
    if kind == "blur":
        return cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.06, 0.16) * frame.unit)
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float32)
    if kind == "cells":
        seeds = frame.to_px(rng.uniform((-0.9, -0.9), (0.9, 0.9), (int(rng.integers(40, 160)), 2))).round().astype(int)
        elsewhere = np.ones(picture.shape[:2], np.uint8)
        elsewhere[seeds[:, 1].clip(0, len(x) - 1), seeds[:, 0].clip(0, x.shape[1] - 1)] = 0
        cell = cv2.distanceTransformWithLabels(elsewhere, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)[1]
        count = np.maximum(np.bincount(cell.ravel()), 1)
        colour = np.stack([np.bincount(cell.ravel(), picture[..., k].ravel()) / count for k in range(3)], -1)
        return colour[cell].astype(np.float32)
    dx, dy = x - frame.origin[0], y - frame.origin[1]
    turn = rng.choice((-1, 1)) * rng.uniform(1.5, 4) * np.exp(-np.hypot(dx, dy) / (rng.uniform(0.15, 0.4) * frame.unit))
    turned = [frame.origin[0] + np.cos(turn) * dx - np.sin(turn) * dy, frame.origin[1] + np.sin(turn) * dx + np.cos(turn) * dy]
    return cv2.remap(picture, *(place.astype(np.float32) for place in turned), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
