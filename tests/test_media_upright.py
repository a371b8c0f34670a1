"""Turned, mirrored and squeezed pictures and clips give the action units of the plain picture."""

import io
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from emollm.explainer import measure
from emollm.perception import media, orientations

UNIT = 1 << 16  # one, in a display matrix
# EXIF value -> a b c d of the display matrix that does the same (x' = a x + c y, y' = b x + d y).
MATRICES = {1: (1, 0, 0, 1), 2: (-1, 0, 0, 1), 3: (-1, 0, 0, -1), 4: (1, 0, 0, -1), 5: (0, 1, 1, 0), 6: (0, 1, -1, 0),
            7: (0, -1, -1, 0), 8: (0, -1, 1, 0)}
ASPECTS = (Fraction(1), Fraction(64, 45), Fraction(10, 11))  # square, PAL widescreen, NTSC


@pytest.fixture(scope="module")
def plain(astronaut):
    """[360, 320, 3]: one face 150 px wide, a little to one side."""
    return cv2.resize(astronaut[20:236, 124:316], (320, 360), interpolation=cv2.INTER_CUBIC)


def stored(picture: np.ndarray, orientation: int, aspect: Fraction) -> np.ndarray:
    """The pixels that a file holds whose reader must turn and stretch them."""
    undone = {6: 8, 8: 6}.get(orientation, orientation)  # the others are their own inverses
    turned = orientations.EXIF[undone].turn_upright(picture)
    width = round(turned.shape[1] / aspect) // 2 * 2
    return turned if aspect == 1 else cv2.resize(turned, (width, turned.shape[0]), interpolation=cv2.INTER_CUBIC)


def as_photo(picture: np.ndarray, orientation: int, aspect: Fraction) -> bytes:
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = orientation
    density = (300 * aspect.denominator, 300 * aspect.numerator)
    Image.fromarray(stored(picture, orientation, aspect)).save(file, "PNG", exif=exif, dpi=density)
    return file.getvalue()


def as_clip(picture: np.ndarray, orientation: int, aspect: Fraction, container: str = "mov") -> bytes:
    """Two frames, without loss."""
    pixels, file = stored(picture, orientation, aspect), io.BytesIO()
    a, b, c, d = (UNIT * value for value in MATRICES[orientation])
    with av.open(file, "w", format=container) as made:
        codec, form = ("ffv1", "bgr0") if container == "matroska" else ("png", "rgb24")
        stream = made.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = pixels.shape[1], pixels.shape[0], form
        stream.codec_context.sample_aspect_ratio = aspect
        stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])
        for number in range(2):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = number
            made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    return file.getvalue()


def units(source) -> np.ndarray:
    """[24, 2] of the first frame, measured against the average face."""
    (face,) = measure(source, baseline="none")
    return face.series.intensity[0]


@pytest.fixture(scope="module")
def expected(plain):
    return units(plain)


@pytest.mark.parametrize("made", [as_photo, as_clip])
@pytest.mark.parametrize("aspect", ASPECTS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_units_are_those_of_the_plain_picture(made, aspect, orientation, plain, expected):
    difference = np.abs(units(made(plain, orientation, aspect)) - expected)
    assert np.nanmax(difference) <= 0.3


@pytest.mark.parametrize("container", ["mov", "mp4", "matroska"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_display_matrix_is_undone_exactly(container, orientation, plain):
    read = media.read(as_clip(plain, orientation, Fraction(1), container))
    assert (read.width, read.height) == (320, 360) and read.notices == []
    for _, _, rgb in read.frames():
        np.testing.assert_array_equal(rgb, plain)


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("made", [as_photo, as_clip])
def test_squeezed_pictures_get_their_shape_back(made, orientation, plain):
    for aspect in ASPECTS[1:]:
        read = media.read(made(plain, orientation, aspect))
        assert abs(read.width / read.height - 320 / 360) < 0.02
        (_, _, rgb), *_ = read.frames()
        back = cv2.resize(rgb, (320, 360), interpolation=cv2.INTER_AREA)
        assert np.abs(back.astype(int) - plain).mean() < 4


@pytest.mark.parametrize(("form", "options"), [
    ("JPEG", {"dpi": (72, 144)}), ("TIFF", {"dpi": (72, 144)}), ("TIFF", {"resolution_unit": 1, "x_resolution": 1,
                                                                        "y_resolution": 2}), ("BMP", {"dpi": (72, 144)})])
def test_densities_that_differ_make_pixels_that_are_not_square(form, options, plain):
    file = io.BytesIO()
    Image.fromarray(plain[:, ::2]).save(file, form, **options)
    read = media.read(file.getvalue(), name="wide")
    assert (read.width, read.height) == (320, 360)
    assert read.notices == ["wide: its pixels are 2 times as wide as high; measured with square ones."]


@pytest.mark.parametrize("dpi", [(1, 300), (0, 72), (300, 300), (299, 300)])
def test_impossible_and_equal_densities_change_nothing(dpi, plain):
    file = io.BytesIO()
    Image.fromarray(plain).save(file, "JPEG", dpi=dpi)
    read = media.read(file.getvalue())
    assert (read.width, read.height, read.notices) == (320, 360, [])


@pytest.mark.parametrize(("ratio", "expected"), [(None, 1), (0, 1), (Fraction(64, 45), 64 / 45), (1.001, 1), (5, 1), (0.1, 1)])
def test_pixel_aspects(ratio, expected):
    assert orientations.pixel_aspect(ratio) == expected


def test_the_stretched_side_stays_within_the_limits():
    assert orientations.square_clip(4000, 3000, 1.5) == (4000, 2000)
    assert orientations.square_clip(1440, 1080, 4 / 3) == (1920, 1080)
    assert orientations.square_photo(7000, 7000, 2.0) == (7000, 3500)


@pytest.mark.parametrize("numbers", [(0, 0, 0, 0), (-3, 1, 2, 5)])
def test_odd_matrices_give_the_nearest_orientation(numbers):
    a, b, c, d = numbers
    matrix = np.array([a, b, 0, c, d, 0, 0, 0, 1], np.int32).tobytes()
    assert orientations.orientation_of_matrix(matrix) == orientations.Orientation(columns_reversed=a < 0)
    assert orientations.orientation_of_matrix(matrix[:20]) == orientations.Orientation()
    assert orientations.orientation_of_matrix(None) == orientations.Orientation()
