"""Clips and pictures of high dynamic range (PQ, HLG; BT.2020) as the standard pictures that everything here was fitted on.

Taken for standard ones they are flat and pale. The way, with the published functions:

    code -> light of the display   PQ: SMPTE ST 2084; HLG: ITU-R BT.2100-2, table 5 (1,000 nits, system gamma 1.2)
    1,000 nits -> 203 nits         the roll-off of ITU-R BT.2390-10, section 5.4.1, on the largest of R, G and B; 203 nits are
                                   the diffuse white of HDR (ITU-R BT.2408), and white here
    BT.2020 -> BT.709 primaries    ITU-R BT.2087
    light -> code                  ITU-R BT.1886 (gamma 2.4)

computed once on a grid of colours, between whose points FFmpeg (lut3d) goes.
"""

from __future__ import annotations

import functools
import os
import tempfile
from typing import Any

import numpy as np

TRANSFERS = {16: "PQ", 18: "HLG"}  # as FFmpeg counts them, after ITU-T H.273
PEAK, WHITE = 1000.0, 203.0  # nits
GRID = 49  # points an axis; closer than one grey level of 255 to the functions themselves
_HEADER = 2**16  # bytes of a picture file that hold what it says of its colours
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_A, _B, _C = 0.17883277, 0.28466892, 0.55991073
_LUMA = np.array([0.2627, 0.6780, 0.0593])  # of BT.2020
_TO_709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])


def transfer_of(frame: Any) -> str:
    """PQ or HLG; empty for a frame of standard range."""
    return TRANSFERS.get(int(frame.color_trc or 0), "")


def transfer_in(content: bytes) -> str:
    """PQ or HLG, as the header of a HEIC or AVIF ('colr' box) or of a PNG ('cICP' chunk) says; empty otherwise."""
    head = content[:_HEADER]
    at = head.find(b"colrnclx")
    if at >= 0 and len(head) >= at + 12:
        return TRANSFERS.get(int.from_bytes(head[at + 10:at + 12], "big"), "")
    at = head.find(b"cICP") if head.startswith(b"\x89PNG") else -1
    return TRANSFERS.get(head[at + 5], "") if 0 <= at < len(head) - 6 else ""


def words(transfer: str) -> str:
    """What the reader of a result must know."""
    return f"high dynamic range ({transfer}) is tone-mapped to standard range before measuring"


def to_standard_range(code: np.ndarray, transfer: str) -> np.ndarray:
    """Colours [N, 3], 0-1, BT.2020 in PQ or HLG, as BT.709 of standard range, 0-1."""
    light = _pq_light(code) if transfer == "PQ" else _hlg_light(code)  # nits
    brightest = light.max(1, keepdims=True)
    light = light * np.divide(_roll_off(brightest), brightest, out=np.zeros_like(brightest), where=brightest > 0)
    return np.clip(light @ _TO_709.T / WHITE, 0, 1) ** (1 / 2.4)


def picture(rgb: np.ndarray, transfer: str) -> np.ndarray:
    """uint8 [H, W, 3] of a photograph in PQ or HLG, tone-mapped."""
    import av

    wide = av.VideoFrame.from_ndarray(rgb.astype(np.uint16) * 257, format="rgb48le")
    return ToneMapper(transfer, rgb.shape[1], rgb.shape[0]).rgb(wide)


def _pq_light(code: np.ndarray) -> np.ndarray:
    power = np.clip(code, 0, 1) ** (1 / _M2)
    return 10_000 * (np.maximum(power - _C1, 0) / (_C2 - _C3 * power)) ** (1 / _M1)


def _pq_code(light: np.ndarray) -> np.ndarray:
    power = (np.asarray(light) / 10_000) ** _M1
    return ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2


def _hlg_light(code: np.ndarray) -> np.ndarray:
    scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - _C) / _A) + _B) / 12)
    return PEAK * (scene @ _LUMA)[:, None] ** 0.2 * scene


def _roll_off(light: np.ndarray) -> np.ndarray:
    """Light up to PEAK brought below WHITE: straight up to the knee, then a Hermite spline."""
    top = _pq_code(PEAK)
    share, most = np.minimum(_pq_code(light) / top, 1), _pq_code(WHITE) / top
    knee = 1.5 * most - 0.5
    t = np.clip((share - knee) / (1 - knee), 0, 1)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * most
    return _pq_light(np.where(share < knee, share, spline) * top)


@functools.cache
def _cube(transfer: str) -> str:
    """The grid as a .cube file holds it: red fastest."""
    axis = np.linspace(0, 1, GRID)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
    colours = to_standard_range(np.stack([red.ravel(), green.ravel(), blue.ravel()], 1), transfer)
    return f"LUT_3D_SIZE {GRID}\n" + "\n".join(f"{r:.5f} {g:.5f} {b:.5f}" for r, g, b in colours) + "\n"


class ToneMapper:
    """Frames of one clip, tone-mapped. All of them must have one size."""

    def __init__(self, transfer: str, width: int, height: int):
        import av
        import av.filter

        self.graph = av.filter.Graph()
        self.graph.threads = 1  # the cores have other clips to read
        source = self.graph.add_buffer(width=width, height=height, format=av.VideoFormat("rgb48le"), time_base=1)
        with tempfile.TemporaryDirectory(prefix="emollm-") as folder:
            path = os.path.join(folder, "lut.cube")
            with open(path, "w") as file:
                file.write(_cube(transfer))
            table, sink = self.graph.add("lut3d", file=path), self.graph.add("buffersink")  # read here, once
        source.link_to(table)
        table.link_to(sink)
        self.graph.configure()

    def rgb(self, frame: Any) -> np.ndarray:
        """uint8 [H, W, 3] of a frame in rgb48le."""
        self.graph.push(frame)
        return self.graph.pull().to_ndarray(format="rgb24")
