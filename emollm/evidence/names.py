"""What a column of an action unit is called, whoever named it: AU_12_r, "AU 12 (intensity)" and openface_AU12_r are AU12_r.

Every word of the name must be known; a name with any other word (AU12_r_mean, AU12 evidence) is not guessed at.
"""

from __future__ import annotations

import re

from emollm.facs.units import ACTION_UNITS

_UNIT = re.compile(r"(?:(?P<before>.+)_)?au_?0*(?P<number>\d{1,2})(?:(?P<letter>[lrc])|_(?P<after>.+))?")
_KIND = {"r": "r", "intensity": "r", "intensities": "r", "int": "r", "regression": "r", "reg": "r", "strength": "r",
         "c": "c", "presence": "c", "present": "c", "occurrence": "c", "occ": "c", "classification": "c", "binary": "c",
         "detected": "c", "left": "left", "l": "left", "right": "right", "confidence": "confidence", "conf": "confidence",
         "prob": "", "probability": "", "p": ""}
_MAKERS = frozenset(("openface", "openface2", "of", "of2", "libreface", "feat", "pyfeat", "face", "facs", "value", "val"))
_OWN = frozenset(word for unit in ACTION_UNITS.values() for word in re.findall(r"[a-z]+", unit.title))  # lip, corner, puller
_LEFT = re.compile(r"(.*_)?au_?\d{1,2}_?l(eft)?|left_au_?\d{1,2}")


def left_out_notice(number: int) -> str:
    """What is said of a unit that emollm does not know."""
    return f"AU{number:02d} is not among the {len(ACTION_UNITS)} units; left out"


def aliases(plain: list[str]) -> dict[str, str]:
    """Plain column name -> the name by which its kind of table is known (au12_r, au12_c, au12, au12_left, au12_right,
    au12_confidence), for the columns that have another. Beside AU12_L, AU12_R is a side and no intensity."""
    bare = {name: re.sub(r"[^a-z0-9#]+", "_", name).strip("_") for name in plain}
    sided = any(map(_LEFT.fullmatch, bare.values()))
    alias_of = {name: _alias(bare[name], sided) for name in plain}
    return {name: alias for name, alias in alias_of.items() if alias and alias != name}


def _alias(name: str, sided: bool) -> str:
    match = _UNIT.fullmatch(name)
    if match is None:
        return ""
    words = [w for part in ("before", "letter", "after") for w in (match[part] or "").split("_") if w]
    words = words[:-2] if words[-2:] == ["0", "5"] else words  # AU12 (0-5)
    if any(w not in _KIND and w not in _MAKERS and w not in _OWN for w in words):
        return ""
    kinds = {"right" if sided and w == "r" else _KIND[w] for w in words if w in _KIND}
    kinds = kinds - {"r"} if kinds & {"left", "right"} else kinds  # the intensity of a side
    if len(kinds) > 1:
        return ""
    return f"au{int(match['number']):02d}" + "".join(f"_{kind}" for kind in kinds if kind)
