"""How often `emollm spot` finds brief movements that were made, and how often it finds some at rest.

    python bench/spot.py [--pictures FOLDER] [--clips 4] [--seconds 8]

Clips are made from still faces: the public-domain photograph of bench/material.py and, with --pictures, every picture of a
folder. Each trembles (camera and head, px of the face: shift .4, turn .3 degrees, zoom .3 %), flickers (1 %) and has sensor
noise (sigma 3 of 255) before H.264 compresses it. At rest nothing else happens. In the moving clips the photograph's brows or
mouth corners go up and come back within .2 to .5 s, or, as a counter-example, within 1.2 to 2 s.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
import material

from emollm.perception import face, media
from emollm.perception.spot import spot

SIZE = (480, 360)  # px
FPS = 25
FACE = 170.0  # px wide
PLACE = {"brows": ("inner brow", "outer brow"), "smile": ("mouth corner",)}  # where a pull should be found
TOLERANCE = 0.12  # s between the apex that was made and the one that was found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--clips", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=8.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        resting(given, Path(folder))
        moving(given, Path(folder), (0.2, 0.5), "brief, .2-.5 s")
        moving(given, Path(folder), (1.2, 2.0), "slow, 1.2-2 s")


def resting(given: argparse.Namespace, folder: Path) -> None:
    pictures = [(f"photograph {n}", still_photograph) for n in range(given.clips)]
    pictures += [(path.name, lambda path=path: still_picture(path)) for path in sorted(given.pictures.glob("*.*"))
                 if path.suffix in (".png", ".jpg", ".gif", ".pgm")] if given.pictures else []
    alarms = []
    for seed, (name, still) in enumerate(pictures):
        picture = still()
        found = spotted(folder / "rest.mp4", [picture] * round(given.seconds * FPS), seed)
        if found is None:
            print(f"  {name}: no face")
            continue
        alarms.append(len(found))
        if found:
            print(f"  {name}:", *((m.region, m.side, m.direction, m.displacement, m.strain) for m in found))
    minutes, total = len(alarms) * given.seconds / 60, sum(alarms)
    print(f"rest: {len(alarms)} clips, {minutes:.1f} minutes: {total} false alarms, {total / minutes:.2f} a minute, "
          f"{sum(a > 0 for a in alarms)} clips with one", flush=True)


def moving(given: argparse.Namespace, folder: Path, lengths: tuple[float, float], name: str) -> None:
    made = hits = extra = 0
    sides = []
    for seed in range(given.clips):
        draw = np.random.default_rng(1000 + seed)
        apexes = np.arange(1.2, given.seconds - 1.4, 2.4)
        bursts = [(a, draw.uniform(*lengths) / 2, draw.uniform(0.5, 1), draw.choice(("smile", "brows"))) for a in apexes]
        frames = []
        for n in range(round(given.seconds * FPS)):
            pull = {"smile": 0.0, "brows": 0.0}
            for apex, half, strength, what in bursts:
                pull[what] = max(pull[what], strength * max(0.0, 1 - abs(n / FPS - apex) / half))
            frames.append(placed(material.pulled(**pull)))
        found = spotted(folder / "moving.mp4", frames, seed) or []
        made += len(bursts)
        matched = [[m for m in found if abs(m.apex - apex) <= TOLERANCE and m.region in PLACE[what]]
                   for apex, _, _, what in bursts]
        hits += sum(bool(m) for m in matched)
        sides += [m[0].side for m in matched if m]
        extra += len(found) - sum(map(len, matched))
    print(f"{name}: {made} made, {hits} found with the right part of the face and apex, {extra} others; sides "
          f"{ {s: sides.count(s) for s in set(sides)} }", flush=True)


def placed(picture: np.ndarray) -> np.ndarray:
    return material.placed(picture, FACE / 92, 0.0, (SIZE[0] / 2, SIZE[1] * 0.45), SIZE)


def still_photograph() -> np.ndarray:
    return placed(material.astronaut())


def still_picture(path: Path) -> np.ndarray:
    """A picture of one face, the size of SIZE."""
    from PIL import Image

    return np.asarray(Image.open(path).convert("RGB").resize(SIZE, Image.Resampling.LANCZOS))


def spotted(path: Path, frames: list[np.ndarray], seed: int):
    """Brief movements in a clip of these frames, trembling; None without a face."""
    write(path, frames, seed)
    clip = media.read(path)
    tracks = face.follow(clip)
    return None if not tracks else spot(clip, max(tracks, key=lambda t: len(t.frames)))


def write(path: Path, frames: list[np.ndarray], seed: int) -> None:
    import av
    import cv2

    draw = np.random.default_rng(seed)
    drift = np.zeros(4)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "20", "preset": "veryfast"})
        stream.pix_fmt, (stream.width, stream.height) = "yuv420p", SIZE
        for picture in frames:
            drift = 0.8 * drift + 0.6 * draw.normal(0, 1, 4)  # neighbouring frames tremble alike
            dx, dy, turn, zoom = drift * (0.4, 0.4, 0.3, 0.003)
            matrix = cv2.getRotationMatrix2D((SIZE[0] / 2, SIZE[1] / 2), turn, 1 + zoom)
            matrix[:, 2] += dx, dy
            moved = cv2.warpAffine(picture, matrix, SIZE, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
            noisy = moved * (1 + draw.normal(0, 0.01)) + draw.normal(0, 3, moved.shape)
            frame = av.VideoFrame.from_ndarray(np.clip(noisy, 0, 255).astype(np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


if __name__ == "__main__":
    main()
