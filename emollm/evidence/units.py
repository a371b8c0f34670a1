"""Action units in a Python dict: one moment, written by hand or taken from a program.

{"AU12": 3.0, "AU06": None}: intensity 0-5 (FACS A-E as 1-5) of both sides; None and NaN are not visible. As in a table, a unit
that is not there was not measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from emollm.evidence.facs_codes import traces
from emollm.schema import AU_NAMES, AUS, AUSeries, InputError, au_index

EXAMPLE = '{"AU12": 3.0, "AU06": 2.0}, intensity 0 (absent) to 5'


def is_moment(mapping: Mapping) -> bool:
    """Whether a dict is one moment rather than columns over time: its values are no lists."""
    return not any(isinstance(value, (list, tuple, Mapping)) or getattr(value, "ndim", 0) for value in mapping.values())


def are_units(mapping: Mapping) -> bool:
    """Whether every key names one of the 24 units."""
    try:
        return all(au_index(unit) >= 0 for unit in mapping)
    except (InputError, TypeError, AttributeError):
        return False


def from_units(mapping: Mapping, name: str) -> AUSeries:
    """One moment. Raises InputError for an empty dict, an unknown unit, one that is named twice, or no intensity 0-5."""
    if not mapping:
        raise InputError(f"{name}: it is empty. Give action units such as {EXAMPLE}.")
    intensity, measured = np.full((1, len(AUS), 2), np.nan), np.zeros(len(AUS), bool)
    named = set()
    for unit, value in mapping.items():
        k = au_index(unit)
        if k in named:
            raise InputError(f"{name}: {AU_NAMES[k]} is named twice")
        named.add(k)
        intensity[0, k] = _intensity(AU_NAMES[k], value, name)
        measured[k] = np.isfinite(intensity[0, k, 0])
    notices = traces(intensity, np.isfinite(intensity), "given as a trace")
    return AUSeries(np.zeros(1), intensity, measured[None] * 1.0, measured, "given", notices=notices)


def _intensity(unit: str, value: object, name: str) -> float:
    """0-5, NaN for none."""
    if value is None:
        return math.nan
    try:
        level = math.inf if isinstance(value, (str, bool)) else float(value)
    except (TypeError, ValueError):
        level = math.inf
    if not (math.isnan(level) or 0 <= level <= 5):
        raise InputError(f"{name}: {unit} is {value!r:.40}. Give numbers as in {EXAMPLE}.")
    return level


def to_lists(mapping: Mapping) -> dict:
    """The same dict in lists, as JSON would hold it: columns may be arrays or a data frame's."""
    return {str(key): value.tolist() if hasattr(value, "tolist") else list(value) if isinstance(value, tuple) else value
            for key, value in mapping.items()}
