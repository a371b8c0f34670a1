"""Whose evidence: faces of a table and of a picture are matched by box, number or order, and in time; and it is said."""

import numpy as np
import pytest

from emollm import evidence
from emollm.evidence import face_matching
from emollm.evidence.series import TableFace
from emollm.explanation import Explanation
from emollm.schema import AUSeries, FaceTrack, InputError, NoFaceError, Quality, au_index


def face(face_id=0, smile=3.0, times=(0.0,), box=None, picture="", estimator="openface"):
    times = np.array(times, dtype=float)
    levels = np.zeros((len(times), 24, 2))
    levels[:, au_index(12)] = smile
    series = AUSeries(times, levels, np.ones((len(times), 24)), np.ones(24, bool), estimator, face_id=face_id)
    return TableFace(series, picture, None if box is None else np.tile(np.array(box, dtype=float), (len(times), 1)))


def track(face_id, box=(0, 0, 100, 100), times=(0.0,)):
    times, ones = np.array(times, dtype=float), np.ones(len(times))
    return FaceTrack(
        face_id,
        np.arange(len(times)),
        times,
        np.tile(np.array(box, dtype=float), (len(times), 1)),
        np.zeros((len(times), 478, 3)),
        np.zeros((len(times), 3)),
        Quality(ones * 100, ones, ones),
    )


LEFT, RIGHT = (0, 0, 100, 100), (300, 0, 400, 100)


def matched(faces, tracks, asked=None):
    found = face_matching.match(faces, [t.face_id for t in tracks], tracks, asked, "photo.jpg")
    return [None if f is None else f.series.face_id for f, _ in found], [how for _, how in found]


@pytest.mark.parametrize(
    "faces, expected, how",
    [
        ([face(0), face(1)], [0, 1], "by its number, counted from left to right"),
        ([face(0, estimator="emollm-geometry"), face(1, estimator="emollm-geometry")], [0, 1], "by its number"),
        ([face(0, box=RIGHT), face(1, box=LEFT)], [1, 0], "by its place in the picture"),
        ([face(4), face(7)], [4, 7], "by order: the table's face 4"),
    ],
)
def test_two_faces_of_a_table_and_of_a_picture(faces, expected, how):
    ids, said = matched(faces, [track(0, LEFT), track(1, RIGHT)])
    assert ids == expected and said[0] == how


def test_a_face_that_the_table_has_no_box_for_is_left_to_our_measurement():
    assert matched([face(5, box=RIGHT)], [track(0, LEFT), track(1, RIGHT)])[0] == [None, 5]


def test_one_face_of_the_picture_takes_the_one_that_was_asked_for():
    assert matched([face(0), face(1)], [track(0)], asked=1)[0] == [1]
    assert matched([face(0), face(1)], [track(1, RIGHT)], asked=1)[0] == [1]
    assert matched([face(0), face(1)], [track(0)])[0] == [0]


@pytest.mark.parametrize(
    "faces, tracks",
    [([face(0)], [track(0), track(1)]), ([face(0), face(1), face(2)], [track(0), track(1)]), ([face(3), face(4)], [track(0)])],
)
def test_what_cannot_be_told_is_refused_with_the_faces_of_both(faces, tracks):
    with pytest.raises(
        InputError, match=r"evidence of \d face\(s\) for \d face\(s\); pick one with face=N .* The table's faces are"
    ):
        matched(faces, tracks)


def test_the_picture_is_told_by_its_name():
    faces = [face(picture=f"C:\\shots\\{k}.JPG") for k in range(3)]
    assert face_matching.faces_of_picture(faces, "/elsewhere/1.jpg")[0] == [faces[1]]
    assert face_matching.faces_of_picture(faces[:1], "b.jpg")[1] != []
    with pytest.raises(InputError, match=r"evidence is of 3 pictures .*, none of them by this name"):
        face_matching.faces_of_picture(faces, "7.jpg")


def test_evidence_and_clip_must_be_of_the_same_time():
    clip = (0.0, 2.0)
    long = face(times=np.arange(2700) / 30).series
    with pytest.raises(InputError, match=r"the evidence spans 0\.0 to 90\.0 s, the clip 0\.0 to 2\.0 s"):
        face_matching.cut_to_clip(long, clip, "h264.mp4")
    with pytest.raises(InputError, match=r"spans 10\.0 to 11\.0 s"):
        face_matching.cut_to_clip(face(times=(10, 10.5, 11)).series, clip, "h264.mp4")
    cut, said = face_matching.cut_to_clip(face(times=np.arange(80) / 25).series, clip, "h264.mp4")
    assert cut.times[-1] <= 2.5 and "17 of 80 rows lie outside the clip and were left out" in said[0]
    same, said = face_matching.cut_to_clip(face(times=np.arange(50) / 25).series, clip, "h264.mp4")
    assert len(same.times) == 50 and said == []
    assert "the rest of the clip has no evidence" in face_matching.cut_to_clip(face(times=(0, 0.2)).series, clip, "x")[1][0]
    assert face_matching.cut_to_clip(long, (0.0, 0.0), "x")[1][0].startswith("the evidence has 2700 moments")


# --- on the way to an explanation: steps 1 to 4, before any model is asked ----------------------------------------

OPENFACE = "frame,face_id,timestamp,confidence,success,AU06_r,AU12_r\n"


@pytest.fixture(scope="module")
def explained():
    """The faces of a source as explain() would ask about them: series, notices and the picture that it is sign with."""
    from emollm.explainer import prepare
    from emollm.model.checkpoint import shape_of

    shape = shape_of("pocket")
    return lambda source, **options: prepare(source, shape, **options).subjects


def smile_of(subject):
    return subject.series.intensity[0, au_index(12), 0]


def test_a_table_of_two_faces_for_a_picture_of_two(tmp_path, two_faces_file, explained):
    (tmp_path / "of.csv").write_text(OPENFACE + "1,0,0,1,1,3,4\n1,1,0,1,1,0,0\n")
    first, second = explained(two_faces_file, evidence=tmp_path / "of.csv")
    assert (smile_of(first), smile_of(second)) == (4, 0)
    assert any("matched by its number, counted from left to right" in notice for notice in first.notices)
    (only,) = explained(two_faces_file, evidence=tmp_path / "of.csv", face=1)
    assert (only.series.face_id, smile_of(only)) == (1, 0)
    assert any("read as an OpenFace table" in notice for notice in only.notices)


def test_a_table_of_many_pictures_is_explained_picture_by_picture(tmp_path, explained, astronaut_file):
    from emollm.explainer import sign
    from emollm.subject import PreparedSource

    rows = "".join(f"{name},0,0.9,0.{k}\n" for k, name in enumerate(("a.jpg", "b.jpg", astronaut_file.name), 1))
    (tmp_path / "fex.csv").write_text("input,frame,AU06,AU12\n" + rows)
    found = explained(tmp_path / "fex.csv")
    assert [subject.picture for subject in found] == ["a.jpg", "b.jpg", astronaut_file.name]
    assert sign(found[1], Explanation(), PreparedSource("fex.csv", found), "", "").source == "b.jpg"
    assert f"picture 2 of 3 in {tmp_path / 'fex.csv'}" in found[1].notices
    (own,) = explained(astronaut_file, evidence=tmp_path / "fex.csv")
    assert smile_of(own) == pytest.approx(0.75)


def test_a_table_where_everything_is_lost(tmp_path, explained, astronaut_file):
    (tmp_path / "of.csv").write_text(OPENFACE + "1,0,0,0.01,0,0,0\n2,0,0.1,0.01,0,0,0\n")
    with pytest.raises(NoFaceError, match="no frame was measured") as caught:
        explained(tmp_path / "of.csv")
    assert caught.value.exit_code == 3
    with pytest.raises(NoFaceError, match="no frame was measured"):
        explained(astronaut_file, evidence=tmp_path / "of.csv")


@pytest.mark.parametrize(
    "name, content",
    [
        ("codes.txt", "6C+12D\n"),
        ("codes.facs", "6C+12D\n"),
        ("UPPER.TXT", "6C+12D\n"),
        ("hand.csv", "AU,side,intensity\n12,,D\n6,both,C\n"),
    ],
)
def test_explain_reads_what_evidence_reads(tmp_path, explained, name, content):
    (tmp_path / name).write_text(content)
    assert smile_of(explained(tmp_path / name)[0]) == 4


def test_a_word_about_what_a_code_leaves_out(explained):
    (found,) = explained("R12B+L14A+16C")
    assert any("coded as a trace (A): AU14 (left)" in notice for notice in found.notices)
    assert any("AU16 is not among the 24 units" in notice for notice in found.notices)


def test_a_track_of_another_clip_is_refused(tmp_path, explained, astronaut_clip):
    rows = "".join(f"{i + 1},0,{i / 30:.3f},1,1,0,0\n" for i in range(2700))
    (tmp_path / "of.csv").write_text(OPENFACE + rows)
    with pytest.raises(InputError, match=r"the evidence spans 0\.0 to 90\.0 s, the clip"):
        explained(astronaut_clip, evidence=evidence.read(tmp_path / "of.csv"))
