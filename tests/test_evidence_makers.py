"""Tables of other makers: read on their own terms, or refused by name."""

import json

import pytest

from emollm.evidence import read_faces
from emollm.schema import AUS, InputError

SHAPES = {"_neutral": 0.0, "browInnerUp": 0.1, "browDownLeft": 0.2, "browDownRight": 0.1, "mouthSmileLeft": 0.6,
          "mouthSmileRight": 0.4, "jawOpen": 0.1}


def result(key: str, name: str, number: int, nested: bool = False) -> dict:
    """What MediaPipe's Face Landmarker gives for one frame."""
    shapes = [{"index": k, "score": v, name: n, "displayName": ""} for k, (n, v) in enumerate(SHAPES.items())]
    return {key: [shapes if nested else {"categories": shapes, "headIndex": -1}], "faceLandmarks": []} | (
        {"timestamp_ms": number * 40} if nested else {"timestamp": number * 40.0})


@pytest.mark.parametrize("stored", [
    [result("faceBlendshapes", "categoryName", k) for k in range(5)],
    {"results": [result("face_blendshapes", "category_name", k, nested=True) for k in range(5)]},
    [{"time": k / 25, "blendshapes": SHAPES} for k in range(5)]])
def test_blend_shapes_as_mediapipe_gives_them(stored, tmp_path):
    path = tmp_path / "web.json"
    path.write_text(json.dumps(stored))
    for source in (path, path.read_bytes()):
        (face,) = read_faces(source)
        assert face.series.times.tolist() == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])
        assert face.series.intensity[0, AUS.index(12)].tolist() == pytest.approx([3.0, 2.0])


def test_one_result_and_two_faces(tmp_path):
    one = result("faceBlendshapes", "categoryName", 0)
    one["faceBlendshapes"] *= 2
    path = tmp_path / "web.json"
    path.write_text(json.dumps(one))
    assert [face.series.face_id for face in read_faces(path)] == [0, 1]


@pytest.mark.parametrize(("ending", "text", "words"), [
    (".csv", "Timestamp,Joy,BrowRaise,Smile\n0,0.1,12.5,98.1\n", "Affectiva"),
    (".csv", "#INFO\n#DATA\nRow,Timestamp,Brow Furrow,Brow Raise,Smile\n1,0,3.2,12.5,98.1\n", "Affectiva"),
    (".txt", "Video Time\tNeutral\tAction Unit 01 - Inner Brow Raiser\n00:00:00.040\t0.1\tA\n", "FaceReader"),
    (".txt", "Video analysis detailed log\nFace Model:\tGeneral\n\nVideo Time\tNeutral\n00:00\t0.1\n", "FaceReader"),
    (".csv", b"\x1f\x8b\x08\0\0", "gzip"), (".csv", b"PK\x03\x04", "workbook"), (".csv", "frame,AU12_r\n1,C\n", "not a number"),
    (".csv", "frame,AU12_r\n1,80\n", "out of range"), (".csv", "<table><tr><td>AU12_r\n", "not a table")])
def test_what_is_known_and_not_read_is_named(ending, text, words, tmp_path):
    path = tmp_path / f"x{ending}"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=words) as refused:
        read_faces(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("cells", [[1714557600000 + 40 * k for k in range(4)], [1714557600000000 + 40000 * k for k in range(4)],
                                   [f"2024-05-01T10:00:00.{40 * k:03d}Z" for k in range(4)],
                                   [f"2024-05-01 10:00:00.{40 * k:03d}" for k in range(4)],
                                   [1714557600 + 0.04 * k for k in range(4)]])
def test_clocks_since_1970_and_dates(cells, tmp_path):
    path = tmp_path / "of.csv"
    path.write_text("timestamp,AU12_r\n" + "".join(f"{cell},2\n" for cell in cells))
    (face,) = read_faces(path)
    assert face.series.times.tolist() == pytest.approx([0, 0.04, 0.08, 0.12], abs=1e-5)
    assert any("far date" in notice for notice in face.series.notices)


@pytest.mark.parametrize("text", [
    '"";"frame";"timestamp";"AU12_r"\n"1";1;0,0;2,5\n"2";2;0,04;2,5\n',
    '"frame" "timestamp" "AU12_r"\n"1" 1 0.0 2.5\n"2" 2 0.04 2.5\n',
    "sep=;\r\nframe;timestamp;AU12_r\r\n1;0,0;2,5\r\n2;0,04;2,5\r\n", "frame\ttimestamp\tAU12_r\n1\t0.0\t2.5\n2\t0.04\t2.5\n",
    "frame_idx,frame_time_in_ms,au_12_intensity\n0,0.0,2.5\n1,40.0,2.5\n"])
def test_exports_of_r_and_excel(text, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(text)
    (face,) = read_faces(path)
    assert face.series.times.tolist() == pytest.approx([0, 0.04])
    assert face.series.intensity[:, AUS.index(12), 0].tolist() == [2.5, 2.5]
