"""What docs/au_estimator.md says: how well action units are measured on people who were not fitted, and on other faces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data_engine.au_scores import PLATEAU, auc, f1
from emollm.schema import AU_NAMES, au_index

if TYPE_CHECKING:
    from data_engine.au_fit import Fit
    from data_engine.au_sets import FaceSet

BOOTSTRAPS, SEED = 300, 0
MIN_POSITIVE = 10  # coded frames that an AU needs to count in the mean
SHOWN_FROM = 4  # coded frames from which an AUC is worth printing
BEFORE = Path(__file__).with_name("au_before.json")  # the same figures of the estimator before this one (version 1.0)
TEMPLATE = Path(__file__).with_name("au_page.md")


def coded_figures(coded: FaceSet, fits: dict[int, Fit]) -> dict:
    """AUC and F1 of every AU on people left out, with 95 % intervals over resampled people, and their means."""
    rows = np.flatnonzero(coded.test)
    scored = {AU_NAMES[au_index(number)]: (fitted.scores[rows], fitted.predict_held_out()[rows], fitted.y[rows])
              for number, fitted in sorted(fits.items()) if fitted.own and np.nansum(fitted.y[rows]) >= SHOWN_FROM}
    drawn = [np.arange(len(rows)), *resample(coded.group[rows])]
    every = {name: np.array([[auc(s[d], y[d]), f1(on[d], y[d])] for d in drawn]) for name, (s, on, y) in scored.items()}
    counted = [name for name, (_, _, y) in scored.items() if y.sum() >= MIN_POSITIVE]
    mean = np.mean([every[name] for name in counted], axis=0)
    return {"units": {name: {"n": int(scored[name][2].sum()), **_spread(values)} for name, values in every.items()},
            "mean": {"n": len(counted), "frames": len(rows), "people": len(np.unique(coded.group[rows])), **_spread(mean)}}


def resample(people: np.ndarray) -> list[np.ndarray]:
    """Rows of BOOTSTRAPS draws of as many people, with replacement."""
    rng, names = np.random.default_rng(SEED), np.unique(people)
    rows = {p: np.flatnonzero(people == p) for p in names}
    return [np.concatenate([rows[p] for p in rng.choice(names, len(names))]) for _ in range(BOOTSTRAPS)]


def _spread(values: np.ndarray) -> dict[str, float]:
    """AUC and F1 of all rows (the first of [1 + BOOTSTRAPS, 2]) and their 95 % intervals over the draws."""
    low, high = np.nanquantile(values[1:], (0.025, 0.975), axis=0)
    (area, share), (area_low, share_low), (area_high, share_high) = values[0], low, high
    return {"auc": area, "auc_low": area_low, "auc_high": area_high, "f1": share, "f1_low": share_low, "f1_high": share_high}


def page(coded: FaceSet, fits: dict[str, dict[int, Fit]], after: dict) -> str:
    """The whole page: method from au_page.md, figures before and after."""
    before = json.loads(BEFORE.read_text()) if BEFORE.exists() else {}
    looked, alone = (coded_figures(coded, fits[k]) for k in ("looked", "alone"))
    return TEMPLATE.read_text().format(accuracy=accuracy_table(before.get("coded", {}), alone, looked),
                                       wild=wild_table(before["wild"], after["wild"]), goals=goal_table(before, after),
                                       clips=clip_table(before["clips"], after["clips"]), plateau=PLATEAU)


def accuracy_table(before: dict, alone: dict, looked: dict) -> str:
    m, a = looked["mean"], alone["mean"]
    lines = [f"**Mean AUC {m['auc']:.3f}** (95 % interval {m['auc_low']:.3f}-{m['auc_high']:.3f}), "
             f"**mean F1 {m['f1']:.3f}** ({m['f1_low']:.3f}-{m['f1_high']:.3f}) at the shipped rule for thresholds,",
             f"over the {m['n']} AUs with at least {MIN_POSITIVE} positive coded frames ({m['frames']} coded frames, "
             f"{m['people']} people). From landmarks alone, without a picture: AUC {a['auc']:.3f}, F1 {a['f1']:.3f}.", "",
             "| AU | positive | AUC before | AUC | 95 % | F1 before | F1 | 95 % | landmarks alone: AUC | F1 |",
             "| --- " * 10 + "|"]
    for name, u in looked["units"].items():
        old = before.get(name, {})
        one = alone["units"][name]
        cells = [name, str(u["n"]), _number(old.get("auc"), 3), f"{u['auc']:.3f}", f"{u['auc_low']:.3f}-{u['auc_high']:.3f}",
                 _number(old.get("f1"), 2), f"{u['f1']:.2f}", f"{u['f1_low']:.2f}-{u['f1_high']:.2f}", f"{one['auc']:.3f}",
                 f"{one['f1']:.2f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def wild_table(before: dict, after: dict) -> str:
    names = [n for n in AU_NAMES if n != "AU45" and n in next(iter(after.values()))["on"]]
    names = [n for n in names if any(after[label]["on"][n] > 0 for label in after)]
    lines = ["| label | faces | " + " | ".join(n[2:] for n in names) + " |", "| --- " * (len(names) + 2) + "|"]
    for label, row in after.items():
        cells = [f"{100 * before[label]['on'].get(n, 0):.0f}>{100 * row['on'][n]:.0f}" for n in names]
        lines.append(f"| {label} | {row['n']:,} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def goal_table(before: dict, after: dict) -> str:
    """What is plainly on a face, in one table."""
    def rows(f: dict) -> dict[str, str]:
        w, rest = f["wild"], [v for k, v in f["wild"]["neutral"]["on"].items() if k != "AU45"]
        out = {"resting faces: unit that is on most often": f"{100 * max(rest):.1f} %",
               "resting faces: mean over units": f"{100 * sum(rest) / max(sum(v > 0 for v in rest), 1):.1f} %",
               "surprise: AU25, AU26 or AU27 on": f"{100 * w['surprise']['opening']:.0f} %",
               "surprise: AU01 or AU02 on": f"{100 * w['surprise']['brows']:.0f} %",
               "anger: AU04 on": f"{100 * w['anger']['on']['AU04']:.0f} %",
               "happiness: AU12 on": f"{100 * w['happiness']['on']['AU12']:.0f} %",
               f"gaping mouths (n = {f['gaping']['n']}): AU25, AU26 or AU27 on": f"{100 * f['gaping']['opening']:.0f} %"}
        out |= {f"five people, {word}": met for word, met in f["five"]["met"].items()}
        out |= {f"{change} (n = {s['n']}): mean change, flips": f"{s['change']:.2f}, {100 * s['flips']:.1f} %"
                for change, s in f["steady"].items()}
        return out

    old, new = rows(before), rows(after)
    lines = [f"| {what} | {old.get(what, '-')} | {value} |" for what, value in new.items()]
    return "\n".join(["| what | before | now |", "| --- | --- | --- |", *lines])


def clip_table(before: dict, after: dict) -> str:
    from data_engine.au_check import FOLLOWED

    def mean(f: dict) -> float:
        return float(np.mean([f[n]["r"] for n in f if int(n[2:]) in FOLLOWED]))

    lines = ["| AU | clips | before | now |", "| --- | --- | --- | --- |"]
    lines += [f"| {n} | {v['clips']} | {before[n]['r']:.2f} | {v['r']:.2f} |" for n, v in after.items()]
    return "\n".join([*lines, f"| mean of AU {' '.join(map(str, FOLLOWED))} | | {mean(before):.2f} | {mean(after):.2f} |"])
