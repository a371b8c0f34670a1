"""Halves of faces with what is known about them: what the action-unit estimator is fitted on and judged by."""

from dataclasses import dataclass

import numpy as np


@dataclass
class Faces:
    """Pose-free halves [N, 2, D] of one data set with what is known about them."""

    halves: np.ndarray
    present: np.ndarray  # coded: [N, 24] 0-1, NaN = not coded; wild: reference [N, 24], NaN = none
    group: np.ndarray  # coded: subject; wild: index into LABELS, -1 = the annotators disagree
    test: np.ndarray  # coded: apex frame; wild: validation share, never fitted
