"""The data card of a file of records: what is in it, what was dropped and why, how varied its prose is, whose pictures."""

from __future__ import annotations

import collections
import json
import re
from pathlib import Path

N = 4  # words of distinct-n
COMPARED = 5000  # answers that distinct-n is also taken of: it falls with the number of texts
SOURCES = {
    "pictures": "FER2013 (Goodfellow et al. 2013, ICML challenge; found by web search): research use, not redistributed. "
                "Records name a picture by its row and hold no pixels.",
    "votes": "FER+ (Barsoum et al. 2016), MIT License",
    "tables": "emollm/facs/tables.py, each listing with its source",
    "text": "written by rules (data_engine), under this project's licence",
}


def write(records: Path, config: dict, drops: collections.Counter) -> Path:
    """`RECORDS.card.json` beside the records: counts by evidence, question, level, plan; drops by reason; distinct-4; sources.

    The same records give the same bytes.
    """
    path = records.with_suffix(".card.json")
    with records.open(encoding="utf-8") as lines:
        described = describe(map(json.loads, lines))
    settings = {k: v for k, v in config.items() if k not in ("out", "faces")}
    whole = {"records": described.pop("records"), "dropped": dict(sorted(drops.items())), "settings": settings, **described,
             "sources": SOURCES}
    path.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    return path


def describe(records) -> dict:
    """Counts and variety of records (parsed lines). Plans and claims are those of answers with prose."""
    kinds = ("evidence", "asked", "level", "media", "turns", "label", "claims", "plans")
    counts = {kind: collections.Counter() for kind in kinds}
    grams, few, n, total, of_few, prose = set(), set(), 0, 0, 0, 0
    for record in records:
        n += 1
        origin = record["provenance"]
        counts["evidence"][origin["evidence"]] += 1
        counts["asked"][origin["asked"]] += 1
        counts["media"]["clip" if len(record["au"]["times"]) > 1 else "photo"] += 1
        counts["turns"][str(len(record["messages"]) // 2)] += 1
        counts["label"][record["label"]] += 1
        if "plan" not in origin:
            continue
        prose += 1
        counts["level"][origin["level"]] += 1
        counts["plans"][origin["plan"]] += 1
        counts["claims"].update(s["kind"] for s in origin["sentences"])
        record_grams = grams_of(record["messages"][-1]["content"], origin["sentences"])
        grams.update(record_grams)
        total += len(record_grams)
        if prose <= COMPARED:
            few.update(record_grams)
            of_few += len(record_grams)
    plans = counts.pop("plans")
    return {"records": n, "with_prose": prose, **{name: dict(sorted(counter.items())) for name, counter in counts.items()},
            "plans": len(plans), "largest_plans": [[plan, round(k / prose, 4)] for plan, k in plans.most_common(10)],
            f"distinct_{N}": round(len(grams) / max(1, total), 4),
            f"distinct_{N}_of_{COMPARED}": round(len(few) / max(1, of_few), 4)}


def grams_of(text: str, sentences: list[dict]) -> list[int]:
    """Runs of N words of an answer's prose, numbers masked, as hashes."""
    words = re.findall(r"[a-z]+|#", re.sub(r"\d+(\.\d+)?", "#", " ".join(text[slice(*s["at"])] for s in sentences).lower()))
    return [hash(tuple(words[k:k + N])) for k in range(len(words) - N + 1)]
