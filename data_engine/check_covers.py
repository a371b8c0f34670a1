"""Count the units that are still on under covers, of kinds that nothing was learnt from, and what blur invents.

    python -m data_engine.check_covers PICTURE.jpg ... --hand DIR/hand_on_forehead_rgba.png

Every cover of other_covers.py and half_covers.py is drawn onto each picture's main face, and the picture is then measured as
any other. --hand: the photograph whose hand is cut out for the photographed hands.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from data_engine.canvas import Canvas, draw_on
from data_engine.half_covers import with_upright_hand
from data_engine.observe import SHAPE
from data_engine.other_covers import UPPER, with_hands
from emollm.explainer import measure, prepare
from emollm.perception import covers as parts
from emollm.perception.events import peaks, side_and_strength
from emollm.schema import AUS, ON, NoFaceError

UNITS = {"lower": parts.LOWER, "upper": parts.UPPER}
SIGMAS = (1, 2, 3, 4, 5, 6, 8)  # px of blur


def units_on(measured, numbers: tuple[int, ...] = AUS) -> list[int]:
    """Which of these units (FACS numbers) are measured and on."""
    left, right, visible = peaks(measured.series)
    return [
        au for au in numbers if visible[AUS.index(au)] and round(float(max(left[AUS.index(au)], right[AUS.index(au)])), 1) >= ON
    ]


def tell(
    name: str, faces: list[tuple[str, np.ndarray, np.ndarray]], draw: Callable[[Canvas], None], half: str
) -> tuple[int, int, int]:
    """Faces measured, faces with a unit of this half on, faces not found any more; prints them."""
    counted, wrong, lost = 0, [], 0
    for k, (face, picture, points) in enumerate(faces):
        try:
            subject = measure(draw_on(picture, points, draw, k), max_faces=1)[0]
        except NoFaceError:
            lost += 1
            continue
        counted += 1
        if units := units_on(subject, UNITS[half]):
            wrong.append(f"{face} {units} {subject.track.covers[0].round(1).tolist()}")
    print(f"{half:6} {name:28} {len(wrong):3} of {counted} ({lost} not found)  {'; '.join(wrong)}", flush=True)
    return counted, len(wrong), lost


def halves(
    name: str, faces: list[tuple[str, np.ndarray, np.ndarray]], draw: Callable[[int], Callable[[Canvas], None]]
) -> np.ndarray:
    """Of a cover of one half, drawn on either: faces measured, faces with a mouth's unit on under it, faces with a side claimed
    that the uncovered face lacks; on the seen half the mouth's units that were measured before, that still are, and those that
    went on or off. Prints them."""
    counted, under, claimed, kept = 0, [], [], np.zeros(3, int)
    mouth = [AUS.index(au) for au in parts.LOWER]
    for k, (face, picture, points) in enumerate(faces):
        before = measure(picture, max_faces=1)[0].series
        for side in (1, -1):
            try:
                series = measure(draw_on(picture, points, draw(side), k), max_faces=1)[0].series
            except NoFaceError:
                continue
            hidden, seen = (0, 1) if side > 0 else (1, 0)
            counted += 1
            at = series.intensity[0, mouth]
            if units := [au for au, level in zip(parts.LOWER, at[:, hidden], strict=True) if round(float(level), 1) >= ON]:
                under.append(f"{face} {'left' if side > 0 else 'right'} {units}")
            if units := sorted(one_sided_units(series) - one_sided_units(before)):
                claimed.append(f"{face} {'left' if side > 0 else 'right'} {units}")
            was = before.intensity[0, mouth, seen]
            both = np.isfinite(was) & np.isfinite(at[:, seen])
            kept += [np.isfinite(was).sum(), both.sum(), ((was >= ON) != (at[:, seen] >= ON))[both].sum()]
    print(f"half   {name:28} {len(under):3} of {counted}; a side claimed in {len(claimed)}; seen half: {kept[1]} of {kept[0]} "
          f"units measured, {kept[2]} on or off  {'; '.join(under)} | {'; '.join(claimed)}", flush=True)  # fmt: skip
    return np.array([counted, len(under), len(claimed), *kept])


def one_sided_units(series) -> set[int]:
    """FACS numbers of the units that are on, on one side alone, as every claim states them."""
    left, right, visible = peaks(series)
    side, strength = side_and_strength(left, right)
    return {au for k, au in enumerate(AUS) if visible[k] and strength[k] >= ON and side[k] != 2}


def tell_blur(faces: list[tuple[str, np.ndarray, np.ndarray]]) -> None:
    """What blur invents: units that are on in a blurred picture and not near it in the sharp one."""
    for sigma in SIGMAS:
        new, refused = [], 0
        for face, picture, _ in faces:
            sharp = np.nanmax(np.nan_to_num(measure(picture, max_faces=1)[0].series.intensity), (0, 2))
            try:
                (s,) = prepare(cv2.GaussianBlur(picture, (0, 0), sigma), SHAPE, max_faces=1).subjects
            except NoFaceError:
                refused += 1
                continue
            if s.refusal:
                refused += 1
                continue
            if units := [au for au in units_on(s) if sharp[AUS.index(au)] < ON]:
                new.append(f"{face} {units} ({float(s.track.quality.blur[0]):.2f})")
        print(f"blur {sigma} px: refused {refused}, with a new unit {len(new)}, of {len(faces)}  {'; '.join(new)}", flush=True)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m data_engine.check_covers", description=__doc__)
    parser.add_argument("pictures", nargs="+", metavar="PICTURE", help="photographs of frontal faces")
    parser.add_argument("--hand", metavar="FILE", help="hand_on_forehead_rgba.png, for photographed hands")
    parser.add_argument("--only", choices=("lower", "upper", "half", "blur"), help="one part of the check")
    arguments = parser.parse_args(argv)
    faces = []
    for path in arguments.pictures:
        picture = np.asarray(Image.open(path).convert("RGB"))
        faces.append((Path(path).stem, picture, measure(picture, max_faces=1)[0].track.landmarks[0]))
    for half, kinds in (("lower", with_hands(arguments.hand)), ("upper", UPPER)):
        if arguments.only in (None, half):
            total = np.sum([tell(name, faces, draw, half) for name, draw in kinds.items()], 0)
            print(
                f"{half} half: a unit on in {total[1]} of {total[0]} covered faces, {len(kinds)} kinds, {len(faces)} faces",
                flush=True,
            )
    if arguments.only in (None, "half"):
        kinds = with_upright_hand(arguments.hand)
        total = np.sum([halves(name, faces, draw) for name, draw in kinds.items()], 0)
        print(
            f"one half: a unit on under it in {total[1]} of {total[0]} faces, a side claimed in {total[2]}; on the seen half "
            f"{total[4]} of {total[3]} units measured, {total[5]} on or off; {len(kinds)} kinds, {len(faces)} faces",
            flush=True,
        )
    if arguments.only in (None, "blur"):
        tell_blur(faces)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
