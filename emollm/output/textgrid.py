"""Praat TextGrids (praat.org/manual/TextGrid_file_formats), written and read by praatio.

An interval tier for each action unit, filled with empty intervals as Praat wants it, and a point tier "AU12 apex" with
the peaks.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from emollm.output.annotations import EXTRA, Recording, from_tiers, label, tiers
from emollm.schema import AUEvent, InputError

APEX = " apex"


def text(recording: Recording) -> str:
    """The file in Praat's long form. Raises InputError for a clip without movements: a TextGrid needs a tier."""
    praat, end = _library(), recording.end
    made = praat.Textgrid(0.0, end)
    for name, events in tiers(recording).items():
        made.addTier(praat.IntervalTier(name, [(e.onset, e.offset, label(e)) for e in events], 0.0, end))
        made.addTier(praat.PointTier(name + APEX, _peaks(events), 0.0, end))
    if not made.tiers:
        raise InputError(f"{recording.media}: nothing moves in it, and a TextGrid without tiers is none. Choose another "
                         "format, such as --to bids.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.TextGrid"
        made.save(str(path), "long_textgrid", includeBlankSpaces=True, minimumIntervalLength=None)
        return path.read_text(encoding="utf-8")


def _peaks(events: list[AUEvent]) -> list[tuple[float, str]]:
    """One point a moment: movements that touch may share theirs."""
    return list({e.apex: (e.apex, f"{e.peak:.2f}") for e in events}.values())


def read(path: str | os.PathLike) -> Recording:
    """Movements of a TextGrid's interval tiers. Raises InputError when it is none or no interval names an action unit."""
    praat, name = _library(), Path(path).name
    try:
        grid = praat.openTextgrid(str(path), includeEmptyIntervals=False, reportingMode="silence",
                                  duplicateNamesMode="rename")
        intervals = [(tier.name, entry.start, entry.end, entry.label) for tier in grid.tiers
                     if isinstance(tier, praat.IntervalTier) for entry in tier.entries]
    except FileNotFoundError:
        raise InputError(f"{path}: no such file. Check the path.") from None
    except Exception:  # whatever the parser trips over
        raise InputError(f"{name}: not a readable TextGrid. Save it as a text file from Praat.") from None
    return Recording(name, from_tiers(name, intervals), duration=float(grid.maxTimestamp))


def _library():
    try:
        from praatio import textgrid
    except ModuleNotFoundError:
        raise InputError(f"TextGrids need praatio. Install it with {EXTRA}") from None
    return textgrid
