"""Media for every test, made from one public-domain photograph (NASA, Eileen Collins, bundled with scikit-image)."""

import os
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

# Mouth corners in the photograph, px: picture left and right.
MOUTH = ((201.5, 139.0), (244.6, 140.2))
# The clip shows this window of the photograph (x, y, side), enlarged to CLIP_SIZE.
WINDOW = (124, 20, 200)
CLIP_SIZE = 320
FPS = 25
FRAMES = 50
STEP = 0.4  # px a frame to the right
SMILE = (0.8, 1.4)  # s, full strength from 0.2 s after the start to 0.2 s before the end
LIFT = 9.0  # px that a mouth corner moves up, and 0.6 of it outward


def smile_strength(time: float) -> float:
    """0-1: ramps up and down within SMILE."""
    return float(np.clip(min(time - SMILE[0], SMILE[1] - time) / 0.2, 0, 1))


def smiling(picture: np.ndarray, corners: tuple, lift: float, reach: float) -> np.ndarray:
    """Pull both mouth corners up by `lift` px and outward by 0.6 of it; `reach`: standard deviation of the pull."""
    import cv2

    y, x = np.indices(picture.shape[:2], dtype=np.float32)
    source_x, source_y = x.copy(), y.copy()
    for (corner_x, corner_y), outward in zip(corners, (-1, 1), strict=True):
        weight = np.exp(-((x - corner_x) ** 2 + (y - corner_y) ** 2) / (2 * reach**2))
        source_y += lift * weight
        source_x -= outward * 0.6 * lift * weight
    return cv2.remap(picture, source_x, source_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def shifted(picture: np.ndarray, dx: float, dy: float = 0.0) -> np.ndarray:
    import cv2

    size = (picture.shape[1], picture.shape[0])
    return cv2.warpAffine(picture, np.array([[1, 0, dx], [0, 1, dy]]), size, borderMode=cv2.BORDER_REPLICATE)


def encode(path, frames, *, codec="libx264", fps=FPS, times=None, options=None):
    """Write a list of RGB frames [H, W, 3] as a clip; times (s) make the frame rate variable."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps, options=options or {"crf": "14"})
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 4_000_000
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        stream.width, stream.height = frames[0].shape[1], frames[0].shape[0]
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts = number if times is None else round(times[number] * 1000)
            frame.time_base = Fraction(1, fps) if times is None else Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return Path(path)


@pytest.fixture(scope="session")
def astronaut() -> np.ndarray:
    """[512, 512, 3] uint8 RGB: one face, 92 px wide, smiling."""
    import skimage.data

    picture = skimage.data.astronaut()
    picture.setflags(write=False)
    return picture


@pytest.fixture(scope="session")
def astronaut_file(astronaut, tmp_path_factory) -> Path:
    from PIL import Image

    path = tmp_path_factory.mktemp("photo") / "astronaut.png"
    Image.fromarray(astronaut).save(path)
    return path


@pytest.fixture(scope="session")
def two_faces_file(astronaut, tmp_path_factory) -> Path:
    """PNG of 560x300 px: the same face twice, 280 px apart, the right one 20 px lower."""
    from PIL import Image

    half = astronaut[0:280, 84:364]
    picture = np.full((300, 560, 3), 90, np.uint8)
    picture[0:280, 0:280], picture[20:300, 280:560] = half, half
    path = tmp_path_factory.mktemp("photo") / "two_faces.png"
    Image.fromarray(picture).save(path)
    return path


@pytest.fixture(scope="session")
def clip_frames(astronaut) -> list[np.ndarray]:
    """50 frames of 320x320 px: the face moves STEP px a frame to the right and smiles more within SMILE."""
    import cv2

    x, y, side = WINDOW
    zoom = CLIP_SIZE / side
    still = cv2.resize(astronaut[y:y + side, x:x + side], (CLIP_SIZE, CLIP_SIZE), interpolation=cv2.INTER_CUBIC)
    corners = tuple(((cx - x + 0.5) * zoom - 0.5, (cy - y + 0.5) * zoom - 0.5) for cx, cy in MOUTH)
    pulled = [smiling(still, corners, LIFT * smile_strength(n / FPS), reach=0.06 * CLIP_SIZE) for n in range(FRAMES)]
    return [shifted(picture, STEP * n) for n, picture in enumerate(pulled)]


@pytest.fixture(scope="session")
def astronaut_clip(clip_frames, tmp_path_factory) -> Path:
    """clip_frames as MP4 (H.264), 25 fps, 2 s."""
    return encode(tmp_path_factory.mktemp("clip") / "astronaut.mp4", clip_frames)


@pytest.fixture(scope="session")
def clip_facts() -> SimpleNamespace:
    """What is known about astronaut_clip: fps, frames, size px, step px/frame, smile (start, end) s, lift px."""
    return SimpleNamespace(fps=FPS, frames=FRAMES, size=CLIP_SIZE, step=STEP, smile=SMILE, lift=LIFT,
                           strength=smile_strength)


@pytest.fixture(scope="session")
def write_clip():
    """Function (path, frames, codec=, fps=, times=, options=) -> path that writes RGB frames as a clip."""
    return encode


@pytest.fixture(scope="session")
def dev_data() -> Path:
    """Folder of the development samples (EMOLLM_DEV_DATA); the test is skipped without it."""
    given = os.environ.get("EMOLLM_DEV_DATA")
    folder = Path(given) if given else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not (folder / "samples" / "manifest.csv").is_file():
        pytest.skip("development samples not found: set EMOLLM_DEV_DATA to their folder")
    return folder
