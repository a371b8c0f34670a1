"""Action units that a request states instead of ours: {"AU12": 3.0, "AU06": [2.0, 1.0]}."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from emollm.schema import AU_NAMES, AUSeries, InputError, au_index


def unit_of(name: object) -> int:
    """Position of an action unit that a request names. Raises InputError."""
    name = str(name)
    return au_index(name if len(name) <= 6 and name.isascii() and name.isalnum() else ascii(name[:6])[1:-1])


def is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e9


def state_levels(series: AUSeries, au: Mapping, name: str = "au") -> AUSeries:
    """The series with the units that a client states (0-5, or [left, right]), over the whole of it; the others are not
    measured.

    name: of the client's field, for messages. Raises InputError.
    """
    intensity, measured = np.full_like(series.intensity, np.nan), np.zeros(len(AU_NAMES), bool)
    for unit, value in (au.items() if isinstance(au, Mapping) else [("", None)]):
        sides = value if isinstance(value, (list, tuple)) and len(value) == 2 else [value, value]
        if not all(map(is_number, sides)):
            raise InputError(f"{name} must be an object of action units and intensities, such as "
                             '{"AU12": 3.0, "AU06": [2.0, 1.0]}')
        k = unit_of(unit)
        if not all(0 <= side <= 5 for side in sides):
            raise InputError(f"{name} {AU_NAMES[k]}: intensity must be between 0 and 5")
        intensity[:, k], measured[k] = sides, True
    if not measured.any():
        raise InputError(f'{name} names no action unit; give at least one, such as {{"AU12": 3.0}}, or leave it out')
    confidence = np.tile(measured.astype(float), (len(series.times), 1))
    return dataclasses.replace(series, intensity=intensity, measured=measured, confidence=confidence, estimator="client",
                               baseline="none", version="")
