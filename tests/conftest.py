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


SERVED = {"test_chat", "test_readme", "test_serve_clients", "test_serve_contract", "test_serve_contract_routes",
          "test_serve_fuzz", "test_serve_ssrf", "test_serve_talk"}  # files with tests of the session's server
# What takes minutes is begun first. xdist hands files out by how many tests they hold: one of few long tests would come last,
# when the other worker has nothing left to do.
LONGEST = ("the session's server", "test_caption_run", "test_serve_launch", "test_caption_kill", "test_caption_ray",
           "test_bench", "test_serve_parity", "test_serve_lora")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A worker takes whole files, the longest first; those that ask the session's server go to one worker, so that its two
    engines (5 GB) are there once."""
    from xdist.scheduler import LoadFileScheduling

    class OneServer(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "the session's server" if Path(file).stem in SERVED else file

        def _assign_work_unit(self, node) -> None:
            waiting = {Path(scope).stem: scope for scope in self.workqueue}
            if first := next((name for name in LONGEST if name in waiting), None):
                self.workqueue.move_to_end(waiting[first], last=False)
            super()._assign_work_unit(node)

    return OneServer(config, log)


def pytest_collection_modifyitems(items):
    for item in items:
        servers = item._fixtureinfo.name2fixturedefs.get("server") if hasattr(item, "_fixtureinfo") else None
        if servers and servers[-1].scope == "session" and item.path.stem not in SERVED:
            raise pytest.UsageError(f"{item.nodeid} asks the session's server: name its file in SERVED (tests/conftest.py)")


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


# --- action units, records and a tiny model -------------------------------------------------------------------------

# One thread: the tiny tensors of these tests only lose time to more. Set before torch loads.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def photo_of():
    """Function (levels, hidden=()) -> AUSeries of one frame. levels: {"AU12": 3.0 or (left, right)}; others are 0;
    hidden: units that were not measured."""
    from emollm.schema import AU_NAMES, AUSeries, au_index

    def make(levels: dict, hidden=()):
        intensity, measured = np.zeros((1, len(AU_NAMES), 2)), np.ones(len(AU_NAMES), bool)
        for au, level in levels.items():
            intensity[0, au_index(au)] = level
        measured[[au_index(au) for au in hidden]] = False
        return AUSeries(np.zeros(1), intensity, np.full((1, len(AU_NAMES)), 0.9), measured, "test")

    return make


@pytest.fixture(scope="session")
def clip_of():
    """Function (movements, duration) -> (AUSeries, events): triangles in time, sampled at 10 Hz.

    movements: {"AU12": (onset, apex, offset, left, right)} in s and 0-5.
    """
    from emollm.schema import AU_NAMES, AUEvent, AUSeries, au_index

    def make(movements: dict, duration: float = 5.0):
        times = np.arange(0, duration + 0.05, 0.1)
        intensity, events = np.zeros((len(times), len(AU_NAMES), 2)), []
        for au, (onset, apex, offset, left, right) in movements.items():
            rise = np.interp(times, [onset - 1e-3, apex, offset + 1e-3], [0, 1, 0])
            intensity[:, au_index(au)] = rise[:, None] * [left, right]
            side = "both" if abs(left - right) < 1 else "left" if left > right else "right"
            events.append(AUEvent(au, side, onset, apex, offset, max(left, right)))
        confidence = np.full((len(times), len(AU_NAMES)), 0.9)
        return AUSeries(times, intensity, confidence, np.ones(len(AU_NAMES), bool), "test"), events

    return make


@pytest.fixture(scope="session")
def drawn_face():
    """Function (seed) -> (series, events, key frames, observations, rng) of one invented face, photo or clip, some
    units unmeasured: what the data engine writes from."""
    import random

    from data_engine import sample
    from emollm.answer import prompt
    from emollm.schema import AUS

    def make(seed: int):
        rng = random.Random(seed)
        values, measured = sample.draw_from_variants(rng), sample.hide(np.ones(len(AUS), bool), rng)
        confidence = np.full(len(AUS), 0.9)
        if rng.random() < 0.4:
            series, events, keys = sample.as_clip(values, confidence, measured, "drawn", rng.choice((2, 3)), rng)
        else:
            series, events, keys = sample.photo_series(values, confidence, measured, "drawn"), [], [0]
        return series, events, keys, prompt.observe(series, events, rng), rng

    return make


@pytest.fixture(scope="session")
def fer(astronaut, tmp_path_factory):
    """A folder in the layout of FER2013 with eight pictures: six crops of the photograph, two of noise."""
    import io

    from PIL import Image

    from emollm.evaluation import fer2013

    folder, draw = tmp_path_factory.mktemp("fer"), np.random.default_rng(0)
    crop = Image.fromarray(astronaut).convert("L").crop((170, 55, 280, 165)).resize((48, 48))
    pictures = [crop.point(lambda v, gain=gain: min(255, v * gain)) for gain in (0.8, 0.9, 1.0, 1.05, 1.1, 1.15)]
    pictures += [Image.fromarray(draw.integers(0, 256, (48, 48), dtype=np.uint8)) for _ in range(2)]
    stored = []
    for picture in pictures:
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        stored.append(buffer.getvalue())
    votes = np.zeros((8, 10))
    votes[:, fer2013.FERPLUS.index("happiness")], votes[7, fer2013.NOT_A_FACE] = 8, 9
    votes[2, fer2013.UNKNOWN] = 9
    np.savez(folder / "fer2013_train.npz", png=np.frombuffer(b"".join(stored), np.uint8),
             offset=np.cumsum([0, *map(len, stored)]), label=np.full(8, 3), ferplus_votes=votes,
             public_test=np.array([0, 0, 0, 1, 1, 1, 1, 0], bool), label_ambiguous=np.array([0, 1, 0, 0, 0, 0, 0, 0], bool))
    np.savez(folder / "fer2013_train_landmarks.npz", all_blendshapes=np.full((8, 52), np.nan))
    return folder


@pytest.fixture(scope="session")
def faces_cache(tmp_path_factory) -> Path:
    """What `data_engine observe` writes, for 40 invented faces of noise pixels; three units are never measured."""
    import random

    from data_engine import sample
    from emollm.schema import AUS, LABELS

    n, draw, rng = 40, np.random.default_rng(0), random.Random(0)
    intensity = np.stack([sample.draw_from_variants(rng) for _ in range(n)]).astype(np.float32)
    found, measured = np.arange(n) % 13 != 12, np.ones(len(AUS), bool)
    intensity[~found], measured[[AUS.index(k) for k in (11, 22, 45)]] = np.nan, False
    votes = draw.multinomial(10, np.full(len(LABELS), 1 / len(LABELS)), n).astype(np.float32)
    path = tmp_path_factory.mktemp("faces") / "faces.npz"
    np.savez(path, intensity=intensity, confidence=np.full((n, len(AUS)), 0.8, np.float32), measured=measured,
             fer=votes[:, :7].argmax(1), soft=votes / 10, fp_votes=votes, found=found, keep=np.arange(n) % 11 != 10,
             public_test=np.arange(n) >= 34, chips=draw.integers(0, 256, (n, 48, 48), dtype=np.uint8))
    return path


@pytest.fixture(scope="session")
def data_config(faces_cache) -> dict:
    """Settings of a small build, without `out`."""
    return {"records": 300, "faces": str(faces_cache), "seed": 5, "mix": {"real": 0.4, "edited": 0.3, "drawn": 0.3},
            "asked": {"explain": 6, "movement": 1, "label": 1}, "label_share": 0.25, "earlier": 0.2}


@pytest.fixture(scope="session")
def records_file(data_config, tmp_path_factory) -> Path:
    """300 records of the data engine."""
    from data_engine.build import build

    path = tmp_path_factory.mktemp("records") / "records.jsonl"
    build({**data_config, "out": str(path)})
    return path


@pytest.fixture(scope="session")
def tiny_shape() -> dict:
    """A language model of width 32 with weights large enough that every input shows in the output."""
    return {"vocabulary": 1100, "language_model": {
        "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8,
        "intermediate_size": 64, "max_position_embeddings": 1024, "tie_word_embeddings": True,
        "initializer_range": 0.2}}


@pytest.fixture(scope="session")
def tiny_folder(records_file, tiny_shape, tmp_path_factory) -> Path:
    """An untrained model with the real tower and a language model of width 32, saved as training saves it."""
    import torch

    from emollm.model.checkpoint import save
    from emollm.training.records import Records
    from emollm.training.stages import new_model

    torch.set_num_threads(1)
    torch.manual_seed(0)
    model, processor = new_model(tiny_shape, Records(str(records_file)))
    folder = tmp_path_factory.mktemp("models") / "tiny"
    save(model, processor, folder, {"stage": "test", "licence": "none"})
    return folder


@pytest.fixture(scope="session")
def tiny(tiny_folder):
    """(model, processor) of tiny_folder. Shared: copy the model before changing it."""
    from emollm.model.checkpoint import load

    return load(str(tiny_folder))


@pytest.fixture(scope="session")
def lora_folder(records_file, tmp_path_factory) -> Path:
    """An adapter that a few steps of the `lora` stage make on pocket, strong enough to change its answers."""
    import yaml

    from emollm.training import stages as train

    folder = tmp_path_factory.mktemp("lora")
    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    config = {key: None for key in train.KEYS if "." not in key} | {
        "stage": "lora", "data": str(records_file), "init": "pocket", "out": str(folder), "seed": 1, "steps": 20, "batch": 4,
        "lr": 2e-2, "weight_decay": 0.01, "warm_up": 0.03, "clip": 1.0, "label_weight": 1, "save_every": 100,
        "lora": {"rank": 8, "alpha": 16, "dropout": 0.0, "targets": targets}}
    (folder / "train.yaml").write_text(yaml.safe_dump(config))
    train.main(str(folder / "train.yaml"))
    return folder / "adapter"


@pytest.fixture(scope="session")
def with_peft(lora_folder):
    """The transformers engine with that adapter, through peft."""
    from peft import PeftModel

    from emollm.model.engine import TransformersEngine

    made = TransformersEngine("pocket")
    made.model = PeftModel.from_pretrained(made.model, str(lora_folder)).base_model.model.eval()
    return made


# --- a real server ---------------------------------------------------------------------------------------------------

@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """`emollm serve` with the shipped model, for all tests (serve_fixtures.Server)."""
    import importlib.util

    if importlib.util.find_spec("vllm") is None:
        pytest.skip("vLLM is not installed")
    from serve_fixtures import Server

    running = Server(tmp_path_factory.mktemp("server"))
    try:
        yield running.wait()
        running.check_stop()
    finally:
        running.stop()


@pytest.fixture(scope="session")
def sent(astronaut, astronaut_clip, two_faces_file):
    """Data URLs of pictures and clips (serve_fixtures.media)."""
    from serve_fixtures import media

    return media(astronaut, astronaut_clip, two_faces_file)


@pytest.fixture(scope="session")
def http(server):
    """httpx client of the server."""
    import httpx

    with httpx.Client(base_url=server.url, timeout=300) as client:
        yield client


@pytest.fixture(scope="session")
def kill_caption():
    """bench/kill_caption.py, which is no package."""
    import importlib.util

    path = Path(__file__).resolve().parents[1] / "bench" / "kill_caption.py"
    spec = importlib.util.spec_from_file_location("kill_caption", path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded
