"""Cut an aligned square chip out of a picture, and map chip pixels back to picture pixels.

Contract (the tower, training and serving all rely on it): a chip is upright, square, and framed like the average
FER2013 crop, because `STABLE` landmarks (points that expressions hardly move) are laid onto `CANONICAL` by a
similarity transform. Pixels outside the picture repeat the nearest edge pixel. Pixel centres have integer coordinates.
"""

import numpy as np

# Eye corners, nose bridge and tip, nose base, forehead and temples: rigid under expression.
STABLE = np.array([33, 133, 362, 263, 168, 6, 197, 195, 5, 4, 98, 327, 2, 10, 127, 356, 234, 454])

# Mean position of STABLE in 6,466 FER2013 crops, made left-right symmetric; unit: chip side.
CANONICAL = np.array([
    [0.2381, 0.3774], [0.3960, 0.3887], [0.6040, 0.3887], [0.7619, 0.3774], [0.5000, 0.3638], [0.5000, 0.4121],
    [0.5000, 0.4541], [0.5000, 0.4928], [0.5000, 0.5342], [0.5000, 0.5826], [0.3979, 0.6314], [0.6021, 0.6314],
    [0.5000, 0.6472], [0.5000, 0.0970], [0.1041, 0.3833], [0.8959, 0.3833], [0.1082, 0.4601], [0.8918, 0.4601],
])


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Least-squares rotation + scale + shift from `source` to `target`, both [N, 2]; returns [2, 3].

    Umeyama, IEEE TPAMI 13(4), 1991, without reflection. Raises ValueError when the points coincide.
    """
    centre_s, centre_t = source.mean(0), target.mean(0)
    s, t = source - centre_s, target - centre_t
    spread = (s**2).sum()
    if spread < 1e-12:
        raise ValueError("all landmarks coincide: no face to align")
    cos = (s * t).sum() / spread
    sin = (s[:, 0] * t[:, 1] - s[:, 1] * t[:, 0]).sum() / spread
    turn = np.array([[cos, -sin], [sin, cos]])
    return np.hstack([turn, (centre_t - turn @ centre_s)[:, None]])


def invert(affine: np.ndarray) -> np.ndarray:
    """Inverse of a [2, 3] affine map."""
    turn = np.linalg.inv(affine[:, :2])
    return np.hstack([turn, -turn @ affine[:, 2:]])


def apply(affine: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Map points [..., 2] by a [2, 3] affine map."""
    return points @ affine[:, :2].T + affine[:, 2]


def cut_chip(picture: np.ndarray, landmarks: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Aligned chip of one face.

    picture: [H, W, 3] uint8 RGB. landmarks: [478, 2+] in picture pixels. size: chip side in pixels.
    Returns the chip [size, size, 3] uint8 and the map chip -> picture pixels [2, 3].
    Raises ValueError when the landmarks are degenerate.
    """
    import cv2

    to_chip = similarity(landmarks[STABLE, :2].astype(np.float64), CANONICAL * size - 0.5)
    to_picture = invert(to_chip)
    warp, whole = to_chip, int(1 / max(float(np.hypot(*to_chip[:, 0])), 1e-3))
    if whole > 1:  # warping alone would skip pixels of a large picture and alias: average blocks of them first
        corners = apply(to_picture, np.array([[0, 0], [size, 0], [0, size], [size, size]], float))
        low = np.clip(np.floor(corners.min(0)).astype(int) - whole, 0, None)
        high = np.clip(np.ceil(corners.max(0)).astype(int) + whole + 1, 0, None)  # a negative end would slice from behind
        crop = picture[low[1]:high[1], low[0]:high[0]]
        height, width = crop.shape[0] // whole, crop.shape[1] // whole
        if height and width:
            picture = cv2.resize(crop[:height * whole, :width * whole], (width, height), interpolation=cv2.INTER_AREA)
            # Pixel k of the small picture is the mean of pixels k * whole to k * whole + whole - 1.
            linear = to_chip[:, :2] * whole
            warp = np.hstack([linear, to_chip[:, :2] @ (low[:, None] + (whole - 1) / 2) + to_chip[:, 2:]])
    chip = cv2.warpAffine(picture, warp, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return chip, to_picture
