"""The mean face that poses are measured against, and which of its points mirror each other."""

from __future__ import annotations

import numpy as np

from emollm.perception import measure
from emollm.perception.align import STABLE


def mean_face(landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Symmetric mean face in its own axes (measure.Estimator.mean) and the mirror table [478].

    landmarks: [N, 478, 3] px. Raises SystemExit when the table does not mirror.
    """
    from scipy.optimize import linear_sum_assignment

    mean = landmarks[np.argmin(np.abs(landmarks[:, 33, 2] - landmarks[:, 263, 2]))]
    for _ in range(4):
        mean = np.median(measure.remove_pose(landmarks, mean)[0], axis=0)
        across = mean[263] - mean[33]
        unit = np.linalg.norm(across)
        x = across / unit
        down = mean[152] - mean[10]
        y = down - x * (down @ x)
        y /= np.linalg.norm(y)
        mean = (mean - mean[STABLE].mean(0)) @ np.stack([x, y, np.cross(x, y)], 1) / unit
    mean -= [mean[[10, 152, 1, 168], 0].mean(), 0, 0]
    flipped = mean * [-1, 1, 1]
    mirror = linear_sum_assignment(((mean[:, None] - flipped[None]) ** 2).sum(2))[1]
    if not (mirror[mirror] == np.arange(478)).all() or mirror[33] != 263:
        raise SystemExit("the mirror table of the mesh is not an involution: are the wild landmarks a mediapipe mesh?")
    return (mean + mean[mirror] * [-1, 1, 1]) / 2, mirror
