"""When each row was: a clock where the table has one that runs, else frame numbers at a stated rate.

Clocks stall, repeat, pass midnight or stand at zero in tables of every maker; frame numbers do not. Whatever is done
instead of reading the clock is said in the notices.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from emollm.evidence import decimal_marks
from emollm.evidence.cells import is_missing, is_number, plain_name
from emollm.evidence.tables import Table

FPS = 30.0  # frames a second when neither the table nor the clip tells
DAY = 86_400.0
EPOCH = 1e6  # s; a clock that starts later than this counts from some other year
FAR = 1e11  # in seconds this is the year 5138
LOOKED_AT = 100  # rows that tell a timecode
LONG_STEP = 5.0  # s; frames further apart than this by a clock without a unit are milliseconds


_TIMECODES = ("timecode", "time_code", "tc")
_TIMECODE = re.compile(r"\d+:\d\d:\d\d[:;]\d+(?:[.,]\d+)?", re.ASCII)
_ANY_TIMECODE = re.compile(r"(\d+):(\d\d):(\d\d)[:;.](\d+(?:[.,]\d+)?)", re.ASCII)


@dataclass
class Clock:
    """What a table says about time. seconds: [R] or None, NaN where a cell is empty. frames: [R] or None, counted from
    `first`. fps: of frames, or None when the table does not tell."""

    seconds: np.ndarray | None = None
    frames: np.ndarray | None = None
    first: int = 0
    fps: float | None = None
    default: float = FPS  # assumed when nobody tells


def settle(table: Table, groups: np.ndarray, clock: Clock, fps: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Rows in order of time, and the time of each, s: rising within every group.

    groups: [R] which face of which picture a row belongs to. fps: frames a second of the clip that the table is of.
    """
    stamps, frames = clock.seconds, clock.frames if clock.frames is not None and np.isfinite(clock.frames).all() else None
    if stamps is not None and np.isfinite(stamps).all():
        stamps = _shift_to_start(table, stamps)
    elif stamps is not None and not np.isfinite(stamps).any():
        stamps = None
    order = np.arange(len(groups)) if frames is None else np.lexsort((frames, groups))
    if frames is not None and not _is_rising(frames, groups, np.arange(len(groups)), strictly=False):
        table.say("rows were put in order of their frame numbers")
    if np.bincount(np.unique(groups, return_inverse=True)[1]).max() == 1:  # one moment each
        return order, np.nan_to_num(stamps if stamps is not None else np.zeros(len(groups)))
    if stamps is not None and np.isfinite(stamps).all():
        if _is_rising(stamps, groups, order):
            return order, stamps
        if _is_rising(unwrapped := _unwrap_midnight(stamps, groups, order), groups, order):
            table.say("the clock passes midnight; time runs on from there")
            return order, unwrapped
        if frames is None and _all_differ(stamps, groups):
            table.say("rows were put in order of time")
            return np.lexsort((stamps, groups)), stamps
    return order, _times_from_frames(table, groups, order, stamps, frames, clock, fps)


def _times_from_frames(table: Table, groups: np.ndarray, order: np.ndarray, stamps: np.ndarray | None,
                       frames: np.ndarray | None, clock: Clock, fps: float | None) -> np.ndarray:
    """Times from frame numbers, or from the number of the row when these do not rise either."""
    numbered = frames is not None and _is_rising(frames, groups, order)
    what = "frame numbers" if numbered else "row numbers"
    count = frames - min(clock.first, frames.min()) if numbered else _ordinal(groups, order)
    told = _rate(stamps, count, groups, order)
    rate = clock.fps or told or fps or clock.default
    begun = told and stamps is not None and math.isfinite(stamps[order[0]])
    at_start = stamps[order[0]] - count[order[0]] / rate if begun else 0.0
    if stamps is None and clock.fps is None:
        table.say(f"there is no clock: {what} at {rate:g} frames a second are used"
                  + (" (the clip's rate)" if fps and rate == fps else ""))
    elif stamps is not None:
        table.say(f"the clock {_fault(table, stamps, groups, order)}: {what} at {rate:g} frames a second are used instead"
                  + (" (the clip's rate)" if not told and fps and rate == fps else ""))
    return np.maximum(count / rate + at_start, 0.0)


def _fault(table: Table, stamps: np.ndarray, groups: np.ndarray, order: np.ndarray) -> str:
    if not np.isfinite(stamps).all():
        return f"is empty in {int(np.isnan(stamps).sum())} of {len(stamps)} rows"
    same = groups[order][1:] == groups[order][:-1]
    stuck = same & (np.diff(stamps[order]) <= 0)
    if (stamps[order][1:][same] == stamps[order][:-1][same]).all():
        return "stands still"
    return f"does not move forward at row {table.lines[order[1:][stuck][0]]}"


def _rate(stamps: np.ndarray | None, count: np.ndarray, groups: np.ndarray, order: np.ndarray) -> float | None:
    """Frames a second, as most steps of a faulty clock have it; None when it does not move.

    The lower of two middle steps: the step after a stall is twice as long."""
    if stamps is None:
        return None
    seconds, frames = np.diff(stamps[order]), np.diff(count[order])
    good = (groups[order][1:] == groups[order][:-1]) & (seconds > 0) & (frames > 0)
    return float(round(1 / np.quantile(seconds[good] / frames[good], 0.5, method="lower"), 3)) if good.sum() >= 2 else None


def _is_rising(values: np.ndarray, groups: np.ndarray, order: np.ndarray, strictly: bool = True) -> bool:
    """Whether values rise from row to row of every group, in this order."""
    by_group = order[np.argsort(groups[order], kind="stable")]
    steps = np.diff(values[by_group])[np.diff(groups[by_group]) == 0]
    return bool((steps > 0).all() if strictly else (steps >= 0).all())


def _all_differ(values: np.ndarray, groups: np.ndarray) -> bool:
    return len(np.unique(np.stack([groups, values]), axis=1).T) == len(values)


def _unwrap_midnight(stamps: np.ndarray, groups: np.ndarray, order: np.ndarray) -> np.ndarray:
    """A clock of the day that falls by about one, with the days added."""
    out = stamps.copy()
    for group in np.unique(groups):
        rows = order[groups[order] == group]
        out[rows] += DAY * np.concatenate([[0], np.cumsum(np.diff(stamps[rows]) < -DAY / 2)])
    return out


def _ordinal(groups: np.ndarray, order: np.ndarray) -> np.ndarray:
    """0, 1, 2... within each group."""
    out = np.empty(len(groups))
    for group in np.unique(groups):
        rows = order[groups[order] == group]
        out[rows] = np.arange(len(rows))
    return out


def _shift_to_start(table: Table, stamps: np.ndarray) -> np.ndarray:
    """A clock that counts from another year starts at 0."""
    if stamps.min() < EPOCH:
        return stamps
    table.say("the clock counts from a far date; times are from the first row")
    return stamps - stamps.min()


# --- reading a clock ---------------------------------------------------------------------------------------------

_FRAME = re.compile(r"(?:video_)?frames?_?(?:#|no|nr|num|number|idx|index|id|n)?")
_CLOCK = re.compile(r"(?:(?:(?:approx|video|media|frame|recording|elapsed|unix|epoch|local|utc|pts)_?)?"
                    r"(?:time_?stamps?|times?|date_?time|elapsed|epoch|clock|pts|t)_?(?:in_)?|(?=[a-z]{2}))(?P<unit>[a-zµμ]*)")
_UNITS = {"": 1.0, "s": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e3, "msec": 1e3, "msecs": 1e3,
          "millis": 1e3, "millisecond": 1e3, "milliseconds": 1e3, "us": 1e6, "µs": 1e6, "μs": 1e6, "usec": 1e6,
          "microseconds": 1e6, "ns": 1e9, "nanoseconds": 1e9}


def frame_numbers(table: Table) -> str:
    """The column that counts frames, if any."""
    return table.pick("frame") or next((column for name, column in table.plain.items() if _FRAME.fullmatch(name)), "")


def clock_columns(table: Table) -> tuple[str, float]:
    """The column that holds a time, and how many of its units are a second."""
    scales = {name: _UNITS[match["unit"]] for name in table.plain
              if (match := _CLOCK.fullmatch(re.sub(r"_*[\[({]+_*|[\])}]+", "_", name).strip("_"))) and match["unit"] in _UNITS}
    for name in ("timestamp", "time", *scales):  # of several the plainest
        if name in scales:
            return table.plain[name], scales[name]
    return table.pick(*_TIMECODES), 1.0


def read_clock(table: Table, column: str, units: float, guess_unit: bool = False, default: float = FPS) -> np.ndarray | None:
    """Seconds of a loaded text column of numbers, H:M:S, timecode or dates, NaN where empty; None without such a column.

    guess_unit: whether steps of more than LONG_STEP are taken for milliseconds. default: frames a second of a timecode that
    is too short to tell. Raises InputError for anything else.
    """
    if not column:
        return None
    if plain_name(column) in _TIMECODES or any(_TIMECODE.fullmatch(cell) for cell in table.texts[column][:LOOKED_AT]):
        return _timecode(table, column, default)
    cells = decimal_marks.ungroup_texts(table.texts[column], False, table.decimal)
    try:
        values = np.array([cell or "nan" for cell in cells], dtype=float) / units
    except ValueError:
        dated = _dates(cells)
        values = (np.array([_seconds(table, row, column, cell) for row, cell in enumerate(cells)]) / units if dated is None
                  else dated)
    if (values < 0).any():
        row = int((values < 0).argmax())
        raise table.cell_error(row, column, f"{cells[row]} is out of range (at least 0).")
    far = np.nanmin(values, initial=np.inf)
    if units == 1.0 and FAR < far < np.inf:  # thousandths (or less) of a second since 1970
        values = values / 10.0 ** (3 * (1 + (far > FAR * 1e3) + (far > FAR * 1e6)))
    rising = np.diff(values[np.isfinite(values)])
    if guess_unit and units == 1.0 and (rising > 0).any() and LONG_STEP < np.median(rising[rising > 0]) <= 2000:
        table.say(f"{column} is taken to be in milliseconds")
        values = values / 1000
    return values


def _seconds(table: Table, row: int, column: str, cell: str) -> float:
    if is_missing(cell):
        return math.nan
    if is_number(cell):
        return float(cell.replace("−", "-").replace(",", "."))
    if (told := from_hms(cell)) is None and (told := _from_date(cell)) is None:
        raise table.cell_error(row, column, f"'{cell[:30]}' is not a number of seconds, nor H:M:S. Leave the cell empty when "
                                            "unknown.")
    return told


def _from_date(cell: str) -> float | None:
    """2024-05-01T10:00:00.500Z, as seconds since 1970; None for anything else."""
    try:
        told = datetime.fromisoformat(cell.strip())
    except ValueError:
        return None
    return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()


def _dates(cells: list[str]) -> np.ndarray | None:
    """Dates with a time, as spreadsheets write them, as seconds since 1970; None when they are none. Day or month first is told
    by what all of them can be; within a day it makes no difference."""
    some = [cell for cell in cells if cell]
    for day in ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d"):
        for time in ("%H:%M:%S.%f", "%H:%M:%S", "%I:%M:%S.%f %p", "%I:%M:%S %p"):
            try:
                seconds = [datetime.strptime(cell, f"{day} {time}").replace(tzinfo=UTC).timestamp() for cell in some]
            except ValueError:
                continue
            told = iter(seconds)
            return np.array([next(told) if cell else math.nan for cell in cells])
    return None


def from_hms(cell: str) -> float | None:
    """MM:SS, HH:MM:SS or with a fraction, or with pandas' "0 days" before it, as seconds; None for anything else."""
    match = re.fullmatch(r"(?:(\d+) days? )?(?:(\d{1,3}):)?(\d{1,3}):(\d{1,2}(?:[.,]\d+)?)", cell.strip(), re.ASCII)
    if not match:
        return None
    return int(match[1] or 0) * DAY + int(match[2] or 0) * 3600.0 + int(match[3]) * 60 + float(match[4].replace(",", "."))


def _timecode(table: Table, column: str, default: float) -> np.ndarray:
    """HH:MM:SS:FF, of Live Link Face with a fraction -> seconds from the first row, NaN where the cell is empty.

    The rate is one more than the highest FF once a second has passed, else `default`.
    """
    parts = []
    for row, cell in enumerate(table.texts[column]):
        match = _ANY_TIMECODE.fullmatch(cell)
        if not match and not is_missing(cell):
            raise table.cell_error(row, column, f"'{cell[:20]}' is not HH:MM:SS:FF.")
        parts.append((int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3]), float(match[4].replace(",", ".")))
                     if match else (math.nan, math.nan))
    seconds, frames = np.array(parts).T
    if not np.isfinite(seconds).any():
        return seconds
    highest = math.floor(np.nanmax(frames)) + 1
    times = seconds + frames / (highest if np.nanmax(seconds) - np.nanmin(seconds) >= 2 else max(default, highest))
    return times - times[np.isfinite(times)][0]
