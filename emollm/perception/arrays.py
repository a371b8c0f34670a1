"""Pictures in an array or a tensor: uint8, or float from 0 to 1, made uint8 RGB [H, W, 3].

Arrays are [H, W] grey, [H, W, 3] RGB or [H, W, 4] RGBA (flattened on white); tensors may also be [3, H, W], as torch has them.
torch is not imported here: an object can only be a tensor where its program has done so.
"""

from __future__ import annotations

import sys

import numpy as np

from emollm.perception import limits
from emollm.schema import InputError

TAKEN = "Give uint8 or float 0-1, [H, W, 3] RGB, [H, W, 4] RGBA or [H, W] grey"
ROUNDING = 0.5 / 255  # floats this far outside 0-1 are still rounded to an end of the scale


def is_tensor(value: object) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def from_tensor(tensor, name: str) -> np.ndarray:
    """A tensor [3, H, W] (also 1 or 4 channels, or channels last) as an array, channels last. Raises InputError."""
    if tensor.ndim == 4:
        raise InputError(f"{name}: a tensor of shape {tuple(tensor.shape)} is a batch. Give list(tensor).")
    try:
        tensor = tensor.detach().cpu()
        array = (tensor.float() if tensor.is_floating_point() else tensor).numpy()
    except (RuntimeError, TypeError, NotImplementedError):
        raise InputError(f"{name}: a tensor without pixels in memory. Give a dense tensor [3, H, W] or [H, W, 3].") from None
    return np.moveaxis(array, 0, 2) if array.ndim == 3 and array.shape[0] in (1, 3, 4) else array


def picture_of(array: np.ndarray, name: str) -> np.ndarray:
    """uint8 [H, W, 3] RGB, a copy. Raises InputError naming shape and type, or the values that are out of range."""
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.ndim not in (2, 3) or channels not in (1, 3, 4) or not array.size or not (
            array.dtype == np.uint8 or array.dtype.kind == "f"):
        raise InputError(f"{name}: array of shape {array.shape} and type {array.dtype}. {TAKEN}{_remedy(array)}.")
    limits.check_photo(array.shape[1], array.shape[0], name)
    pixels = _bytes(array, name).reshape(*array.shape[:2], channels)
    if channels == 4:
        return _flatten_on_white(pixels)
    return np.array(np.broadcast_to(pixels, (*array.shape[:2], 3)), order="C")


def _remedy(array: np.ndarray) -> str:
    """What helps in the usual cases."""
    if array.ndim == 3 and array.shape[0] in (1, 3, 4):
        return ": array.transpose(1, 2, 0) puts the channels last"
    if array.ndim == 4:
        return ": of several pictures a list, of a clip its file"
    return ""


def _bytes(array: np.ndarray, name: str) -> np.ndarray:
    """Floats 0-1 as uint8."""
    if array.dtype == np.uint8:
        return array
    low, high = float(array.min()), float(array.max())
    if not (low >= -ROUNDING and high <= 1 + ROUNDING):  # also for NaN
        raise InputError(f"{name}: floats from {low:.4g} to {high:.4g}, expected 0 to 1. Scale them, or give 0-255 as uint8.")
    return np.rint(np.clip(array, 0, 1) * 255).astype(np.uint8)


def _flatten_on_white(pixels: np.ndarray) -> np.ndarray:
    """RGBA on white."""
    from PIL import Image

    picture = Image.fromarray(np.ascontiguousarray(pixels))
    white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
    return np.asarray(Image.alpha_composite(white, picture).convert("RGB")).copy()
