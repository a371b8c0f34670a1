"""Action units as tidy Parquet: one row a moment, unit and side, for pandas, polars, DuckDB or R's arrow.

Columns: media, face_id, timestamp (s), au, side, intensity (0-5, null = not visible), confidence (0-1), estimator,
baseline, version. A unit that was not measured has no rows. Text columns are dictionaries, so an hour stays small.
"""

from __future__ import annotations

import io
from collections.abc import Iterable

import numpy as np

from emollm.output.annotations import EXTRA, Recording
from emollm.schema import AU_NAMES, SCHEMA_VERSION, SIDES, AUSeries, InputError


def content(recordings: Iterable[Recording]) -> bytes:
    """The file, with all faces of all clips. Raises InputError when there is none."""
    arrow, parquet = _library()
    parts = [_rows(arrow, r.media, series) for r in recordings for series in r.series]
    if not parts:
        raise InputError("nothing was measured: a Parquet table without rows helps nobody")
    whole = arrow.concat_tables(parts, promote_options="none")
    out = io.BytesIO()
    marked = whole.replace_schema_metadata({"emollm_schema_version": SCHEMA_VERSION})
    parquet.write_table(marked, out, compression="zstd")
    return out.getvalue()


def _rows(arrow, media: str, series: AUSeries):
    """T moments x units that were measured x 2 sides, in this order."""
    kept = np.flatnonzero(series.measured)
    moments, per_moment = len(series.times), 2 * len(kept)
    rows = moments * per_moment

    def encode_words(words: list[str], at: np.ndarray):
        return arrow.DictionaryArray.from_arrays(arrow.array(at.astype(np.int32)), arrow.array(words, arrow.string()))

    def repeat_word(word: str):
        return encode_words([word], np.zeros(rows))

    intensity = series.intensity[:, kept].reshape(rows)
    return arrow.table({
        "media": repeat_word(media), "face_id": arrow.array(np.full(rows, series.face_id, np.int32)),
        "timestamp": arrow.array(np.repeat(series.times, per_moment).astype(float)),
        "au": encode_words([AU_NAMES[k] for k in kept], np.tile(np.repeat(np.arange(len(kept)), 2), moments)),
        "side": encode_words(list(SIDES[:2]), np.tile([0, 1], moments * len(kept))),
        "intensity": arrow.array(intensity.astype(np.float32), mask=~np.isfinite(intensity)),
        "confidence": arrow.array(np.repeat(series.confidence[:, kept], 2, axis=1).reshape(rows).astype(np.float32)),
        "estimator": repeat_word(series.estimator), "baseline": repeat_word(series.baseline),
        "version": repeat_word(series.version)})


def _library():
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError:
        raise InputError(f"Parquet needs pyarrow. Install it with {EXTRA}") from None
    return pyarrow, parquet
