"""Count the units that are still on under covers, of kinds that nothing was learnt from, and what blur invents.

    python -m data_engine.check_covers PICTURE.jpg ... --hand DIR/hand_on_forehead_rgba.png

Every cover of other_covers.py is drawn onto each picture's main face, and the picture is then measured as any other. --hand:
the photograph whose hand is cut out for the photographed hands.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from data_engine.other_covers import UPPER, Canvas, covered, with_hands
from emollm.explainer import measure, prepare
from emollm.model.checkpoint import Shape
from emollm.perception import covers as parts
from emollm.perception.events import peaks
from emollm.schema import AUS, ON, NoFaceError

UNITS = {"lower": parts.LOWER, "upper": parts.UPPER}
SIGMAS = (1, 2, 3, 4, 5, 6, 8)  # px of blur


def on(measured, numbers: tuple[int, ...] = AUS) -> list[int]:
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
            found = measure(covered(picture, points, draw, k), max_faces=1)[0]
        except NoFaceError:
            lost += 1
            continue
        counted += 1
        if units := on(found, UNITS[half]):
            wrong.append(f"{face} {units} {found.track.covers[0].round(1).tolist()}")
    print(f"{half:6} {name:28} {len(wrong):3} of {counted} ({lost} not found)  {'; '.join(wrong)}", flush=True)
    return counted, len(wrong), lost


def blurred(faces: list[tuple[str, np.ndarray, np.ndarray]]) -> None:
    """What blur invents: units that are on in a blurred picture and not near it in the sharp one."""
    for sigma in SIGMAS:
        new, refused = [], 0
        for face, picture, _ in faces:
            sharp = np.nanmax(np.nan_to_num(measure(picture, max_faces=1)[0].series.intensity), (0, 2))
            try:
                (s,) = prepare(cv2.GaussianBlur(picture, (0, 0), sigma), Shape(1, 48), max_faces=1).subjects
            except NoFaceError:
                refused += 1
                continue
            if s.refusal:
                refused += 1
                continue
            if units := [au for au in on(s) if sharp[AUS.index(au)] < ON]:
                new.append(f"{face} {units} ({float(s.track.quality.blur[0]):.2f})")
        print(f"blur {sigma} px: refused {refused}, with a new unit {len(new)}, of {len(faces)}  {'; '.join(new)}", flush=True)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m data_engine.check_covers", description=__doc__)
    parser.add_argument("pictures", nargs="+", metavar="PICTURE", help="photographs of frontal faces")
    parser.add_argument("--hand", metavar="FILE", help="hand_on_forehead_rgba.png, for photographed hands")
    parser.add_argument("--only", choices=("lower", "upper", "blur"), help="one part of the check")
    given = parser.parse_args(argv)
    faces = []
    for path in given.pictures:
        picture = np.asarray(Image.open(path).convert("RGB"))
        faces.append((Path(path).stem, picture, measure(picture, max_faces=1)[0].track.landmarks[0]))
    for half, kinds in (("lower", with_hands(given.hand)), ("upper", UPPER)):
        if given.only in (None, half):
            total = np.sum([tell(name, faces, draw, half) for name, draw in kinds.items()], 0)
            print(
                f"{half} half: a unit on in {total[1]} of {total[0]} covered faces, {len(kinds)} kinds, {len(faces)} faces",
                flush=True,
            )
    if given.only in (None, "blur"):
        blurred(faces)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
