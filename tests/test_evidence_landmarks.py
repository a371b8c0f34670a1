"""478 landmarks a frame without any picture: however a browser or a script saved them, the same units are measured."""

import json

import numpy as np
import pytest

from emollm import evidence
from emollm.evidence.landmarks import picture_shape
from emollm.perception import measure
from emollm.schema import InputError

WIDTH, HEIGHT = 640, 480


@pytest.fixture(scope="module")
def points():
    """[3, 478, 3] px: the mean face and two of its movements, 200 px wide, in the middle of the picture."""
    mean = measure.estimator().mean
    faces = np.repeat(mean[None] * 100, 3, 0)
    faces[1:, 13, 1] -= 6
    faces[1:, [61, 291], 1] -= 8
    return faces + np.array([WIDTH / 2, HEIGHT / 2, 0])


@pytest.fixture(scope="module")
def levels(points):
    return measure.intensities(points)


def close(faces, levels):
    (face,) = faces
    kept = [k for k in range(24) if k != 23]  # AU45 needs time, AU43 gives it away
    shown = [k for k in kept if np.isfinite(levels[:, k]).all() and k != 22]
    np.testing.assert_allclose(face.series.intensity[:, shown], levels[:, shown], atol=2e-3)
    assert any("read as face landmarks" in notice for notice in face.series.notices)


def as_json(points, **more):
    return [
        {"timestamp": 40.0 * k, "faceLandmarks": [[dict(zip("xyz", map(float, p), strict=True)) for p in face]], **more}
        for k, face in enumerate(points)
    ]


def shares(points):
    return points / [WIDTH, HEIGHT, WIDTH]


@pytest.mark.parametrize(
    "naming",
    [
        "x_{k} y_{k} z_{k}",
        "x{k} y{k} z{k}",
        "{k}_x {k}_y {k}_z",
        "mesh_x_{k} mesh_y_{k} mesh_z_{k}",
        "lm_mp_{k}_x lm_mp_{k}_y lm_mp_{k}_z",
        "landmark_{k}_x landmark_{k}_y landmark_{k}_z",
    ],
)
def test_columns(tmp_path, points, levels, naming):
    names = [name for k in range(478) for name in naming.format(k=k).split()]
    rows = "".join(f"{k},{','.join(f'{v:.3f}' for v in face.ravel())}\n" for k, face in enumerate(points))
    (tmp_path / "t.csv").write_text(f"frame,{','.join(names)}\n{rows}")
    faces = evidence.read_faces(tmp_path / "t.csv", fps=25)
    close(faces, levels)
    assert faces[0].series.times == pytest.approx([0, 0.04, 0.08])


def test_one_row_a_point(tmp_path, points, levels):
    rows = "".join(f"{t},{k},{x:.3f},{y:.3f},{z:.3f}\n" for t, face in enumerate(points) for k, (x, y, z) in enumerate(face))
    (tmp_path / "t.csv").write_text(f"frame,landmark,x,y,z\n{rows}")
    close(evidence.read_faces(tmp_path / "t.csv"), levels)


@pytest.mark.parametrize(
    "shape",
    [
        as_json,
        lambda p: {"fps": 25, "frames": as_json(p)},
        lambda p: p.tolist(),
        lambda p: p.reshape(3, -1).tolist(),
        lambda p: [[face] for face in p.tolist()],
        lambda p: [{"landmarks": face} for face in p.tolist()],
        lambda p: [{"keypoints": [dict(zip("xyz", q, strict=True), name="lips") for q in face]} for face in p.tolist()],
        lambda p: {
            "results": [
                {"multiFaceLandmarks": [{"landmark": [dict(zip("xyz", q, strict=True)) for q in face]}]} for face in p.tolist()
            ]
        },
    ],
)
def test_json(tmp_path, points, levels, shape):
    (tmp_path / "t.json").write_text(json.dumps(shape(points)))
    close(evidence.read_faces(tmp_path / "t.json", fps=25), levels)


def test_arrays(tmp_path, points, levels):
    np.save(tmp_path / "t.npy", points)
    close(evidence.read_faces(tmp_path / "t.npy"), levels)
    close(evidence.read_faces(points), levels)
    close(evidence.read_faces(points[0]), levels[:1])
    assert evidence.is_table(points)


def test_milliseconds_frames_without_a_face_and_two_faces(tmp_path, points):
    frames = as_json(points)
    frames[1]["faceLandmarks"] = []
    frames[2]["faceLandmarks"] *= 2
    (tmp_path / "t.json").write_text(json.dumps(frames))
    first, second = evidence.read_faces(tmp_path / "t.json")
    assert first.series.times == pytest.approx([0, 0.08]) and len(second.series.times) == 1


def test_shares_of_a_picture_need_its_shape(tmp_path, points, levels):
    (tmp_path / "told.json").write_text(json.dumps({"width": WIDTH, "height": HEIGHT, "frames": as_json(shares(points))}))
    close(evidence.read_faces(tmp_path / "told.json"), levels)
    faces = evidence.read_faces(shares(points))
    assert any("it is taken to be 4:3" in notice for notice in faces[0].series.notices)
    close(faces, levels)
    for width, height, name in ((1920, 1080, "16:9"), (480, 640, "3:4"), (500, 500, "1:1")):
        assert picture_shape(points / [width, height, width])[0] == name


@pytest.mark.parametrize("count, words", [(468, "468 landmarks .* Turn refine_landmarks on"), (68, "68 landmarks a face, 478")])
def test_another_mesh_is_refused(tmp_path, points, count, words):
    np.save(tmp_path / "t.npy", points[:, :count])
    with pytest.raises(InputError, match=words):
        evidence.read_faces(tmp_path / "t.npy")
    (tmp_path / "t.json").write_text(json.dumps(as_json(points[:, :count])))
    with pytest.raises(InputError, match=words):
        evidence.read_faces(tmp_path / "t.json")
    names = ",".join(f"{axis}_{k}" for k in range(count) for axis in "xyz")
    (tmp_path / "t.csv").write_text(f"{names}\n{','.join(['1'] * 3 * count)}\n")
    with pytest.raises(InputError, match=words):
        evidence.read_faces(tmp_path / "t.csv")


def test_an_array_that_is_no_landmarks(tmp_path):
    np.save(tmp_path / "t.npy", np.zeros((4, 5)))
    with pytest.raises(InputError, match=r"an array of shape \[4, 5\] is no landmarks|another|landmarks a face"):
        evidence.read_faces(tmp_path / "t.npy")
    (tmp_path / "t.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(InputError, match="not an array of landmarks"):
        evidence.read_faces(tmp_path / "t.npy")
