"""Pictures and clips for the benches, made from scikit-image's bundled photograph of an astronaut by warps of known motion.

Every picture and clip differs in content, so that nothing that is kept by content hash is met again, and every one shows
one face that can be read. Number N is the same everywhere and at every run.
"""

from __future__ import annotations

import functools
import io
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

FACE = (223.0, 105.0)  # px, middle of the face in the photograph; it is 92 px wide
MOUTH = ((201.5, 139.0), (244.6, 140.2))  # px, mouth corners, picture left and right
BROWS = ((203.0, 78.0), (242.0, 78.0))  # px
LIFT = {"mouth": 5.5, "brows": 4.0}  # px of the photograph at full strength
REACH = 9.0  # px, standard deviation of a pull
FPS, WIDTH, HEIGHT = 25, 1280, 720
ZOOM = 2.0  # of the photograph in a clip: a face of 184 px, 9 % less at its smallest


@functools.cache
def astronaut() -> np.ndarray:
    """[512, 512, 3] uint8 RGB."""
    from skimage.data import astronaut as bundled

    return bundled()


def pulled(smile: float, brows: float) -> np.ndarray:
    """The photograph with mouth corners pulled up and out and brows raised, each 0-1."""
    import cv2

    y, x = np.indices((200, 200), dtype=np.float32)  # the face and a margin; the rest stays as it is
    left, top = int(FACE[0]) - 100, 5
    from_x, from_y = x + left, y + top
    pulls = [(corner, LIFT["mouth"] * smile, outward) for corner, outward in zip(MOUTH, (-0.6, 0.6), strict=True)]
    pulls += [(corner, LIFT["brows"] * brows, 0.0) for corner in BROWS]
    still_x, still_y = from_x.copy(), from_y.copy()
    for (corner_x, corner_y), lift, outward in pulls:
        weight = np.exp(-((still_x - corner_x) ** 2 + (still_y - corner_y) ** 2) / (2 * REACH**2))
        from_y += lift * weight
        from_x -= outward * lift * weight
    picture = astronaut().copy()
    picture[top:top + 200, left:left + 200] = cv2.remap(astronaut(), from_x, from_y, cv2.INTER_LINEAR)
    return picture


def placed(picture: np.ndarray, zoom: float, degrees: float, at: tuple[float, float], size: tuple[int, int]) -> np.ndarray:
    """The photograph enlarged and turned about its face, which comes to lie at `at` px of a picture of `size` (w, h)."""
    import cv2

    matrix = cv2.getRotationMatrix2D(FACE, degrees, zoom)
    matrix[:, 2] += np.array(at) - FACE
    return cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def photo(number: int, side: int = 512) -> bytes:
    """JPEG of side x side px: the photograph, a little turned, enlarged, moved and pulled."""
    from PIL import Image

    draw = np.random.default_rng(number)
    at = np.array([0.45, 0.3]) * side + draw.uniform(-0.04, 0.04, 2) * side
    zoom = draw.uniform(1.15, 1.5) * side / 512
    picture = placed(pulled(draw.uniform(-0.5, 1), draw.uniform(-0.3, 1)), zoom, draw.uniform(-8, 8), tuple(at), (side, side))
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=90)
    return file.getvalue()


@dataclass(frozen=True)
class Motion:
    """What happens in a clip. Drifts are sines; a pull rises and falls within its half width of s about its apex."""

    sway: tuple[float, float, float]  # amplitude px, period s, phase
    bob: tuple[float, float, float]
    turn: tuple[float, float, float]  # degrees
    breath: tuple[float, float, float]  # share of the zoom
    smiles: tuple[tuple[float, float, float], ...]  # apex s, half width s, strength 0-1
    lifts: tuple[tuple[float, float, float], ...]  # of the brows

    def at(self, time: float) -> dict:
        def wave(drift: tuple[float, float, float]) -> float:
            return drift[0] * float(np.sin(2 * np.pi * time / drift[1] + drift[2]))

        def strength(bursts: tuple) -> float:
            return max((s * max(0.0, 1 - abs(time - apex) / half) for apex, half, s in bursts), default=0.0)

        return {"x": wave(self.sway), "y": wave(self.bob), "degrees": wave(self.turn), "zoom": ZOOM * (1 + wave(self.breath)),
                "smile": strength(self.smiles), "brows": strength(self.lifts)}


def motion(number: int, seconds: float) -> Motion:
    draw = np.random.default_rng(10_000 + number)

    def drift(most: float) -> tuple[float, float, float]:
        return draw.uniform(0.3, 1) * most, draw.uniform(3, 8), draw.uniform(0, 2 * np.pi)

    def bursts() -> tuple:
        return tuple((draw.uniform(0.15, 0.85) * seconds, draw.uniform(0.4, 1.2), draw.uniform(0.5, 1))
                     for _ in range(draw.integers(1, 4)))

    return Motion(drift(60), drift(25), drift(6), drift(0.06), bursts(), bursts())


def write_clip(path: Path, number: int, seconds: float = 10.0) -> Path:
    """Clip `number` as H.264, 1280x720 px at 25 fps."""
    import av

    moves = motion(number, seconds)
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "20", "preset": "veryfast"})
        stream.pix_fmt, stream.width, stream.height = "yuv420p", WIDTH, HEIGHT
        for n in range(round(seconds * FPS)):
            now = moves.at(n / FPS)
            picture = placed(pulled(now["smile"], now["brows"]), now["zoom"], now["degrees"],
                             (0.5 * WIDTH + now["x"], 0.4 * HEIGHT + now["y"]), (WIDTH, HEIGHT))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def clips(folder: Path, count: int, seconds: float) -> list[Path]:
    """The first `count` clips of a length, written into the folder unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"clip{number:03d}_{seconds:g}s.mp4" for number in range(count)]
    missing = [number for number, path in enumerate(paths) if not path.exists()]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        made = [pool.submit(_write_whole, paths[number], number, seconds) for number in missing]
        for done, future in enumerate(made, start=1):
            future.result()
            print(f"\rmaking clips: {done} of {len(made)}", end="" if done < len(made) else "\n", file=sys.stderr, flush=True)
    return paths


def _write_whole(path: Path, number: int, seconds: float) -> None:
    """A clip that is there is whole: an interrupted one leaves another name behind."""
    write_clip(path.with_suffix(".part"), number, seconds).replace(path)
