"""What counts as a face at rest: a picture of it, from Python, the command line and in a run of captions."""

import json

import numpy as np
import pytest
from PIL import Image

import emollm
from emollm import cli, explainer
from emollm.schema import AU_NAMES, InputError

SMILE = AU_NAMES.index("AU12")
TAKEN = 1.5  # measure.REST_LIMIT


def smile(face) -> np.ndarray:
    return face.series.intensity[0, SMILE]


def test_smile_is_measured_from_the_face_at_rest(astronaut_file):
    """Of a face that is no different from its picture at rest only what is above the limit stays."""
    plain, = emollm.measure(astronaut_file)
    held, = emollm.measure(astronaut_file, baseline=str(astronaut_file))
    expected = np.clip(smile(plain) - np.minimum(smile(plain), TAKEN), 0, None) * 5 / (5 - np.minimum(smile(plain), TAKEN))
    assert smile(plain).min() > TAKEN and held.series.baseline == "image"
    np.testing.assert_allclose(smile(held), expected, atol=1e-6)
    assert "measured against a picture of the face at rest" in held.series.notices


@pytest.mark.parametrize("kind", ["path", "bytes", "array", "PIL image", "series"])
def test_picture_at_rest_in_any_form(astronaut_file, kind):
    picture = Image.open(astronaut_file)
    given = {"path": astronaut_file, "bytes": astronaut_file.read_bytes(), "array": np.asarray(picture), "PIL image": picture,
             "series": emollm.measure(astronaut_file)[0].series}[kind]
    held, = emollm.measure(astronaut_file, baseline=given)
    expected, = emollm.measure(astronaut_file, baseline=str(astronaut_file))
    np.testing.assert_array_equal(held.series.intensity, expected.series.intensity)


def test_clip_is_measured_from_a_picture(astronaut_clip, astronaut_file):
    plain, = emollm.measure(astronaut_clip, baseline="none")
    held, = emollm.measure(astronaut_clip, baseline=astronaut_file)
    assert held.series.baseline == "image"
    assert np.nanmean(held.series.intensity[:, SMILE]) < np.nanmean(plain.series.intensity[:, SMILE])


def test_every_face_is_held_against_it_and_that_is_said(two_faces_file, astronaut_file):
    faces = emollm.measure(two_faces_file, baseline=astronaut_file)
    assert [face.series.baseline for face in faces] == ["image", "image"]
    assert all(any("each of the 2 faces" in notice for notice in face.series.notices) for face in faces)


def mistakes(folder, two_faces_file):
    Image.new("RGB", (300, 300), "grey").save(folder / "grey.png")
    (folder / "table.csv").write_text("AU12\n3\n")
    return {"average": "no such file. Give none, clip, or a picture", str(folder / "grey.png"): "no face",
            str(two_faces_file): "shows 2 faces", str(folder / "table.csv"): "table of action units"}


def test_mistakes_name_the_picture_and_the_remedy(astronaut_file, two_faces_file, tmp_path, capsys):
    for given, words in mistakes(tmp_path, two_faces_file).items():
        with pytest.raises(InputError, match=words):
            emollm.measure(astronaut_file, baseline=given)
        assert cli.main(["measure", str(astronaut_file), "--baseline", given, "-o", str(tmp_path / "out.csv")]) == 2
        assert words in capsys.readouterr().err and not (tmp_path / "out.csv").exists()


def test_nothing_measured_at_rest():
    with pytest.raises(InputError, match="nothing could be measured in grey"):
        explainer.resting_face("grey.png", [emollm.AUSeries.unmeasured()])


def test_explanation_says_what_it_was_held_against(astronaut_file, tmp_path):
    place = tmp_path / "out.json"
    assert cli.main(["explain", str(astronaut_file), "--baseline", str(astronaut_file), "-o", str(place)]) == 0
    told, = json.loads(place.read_text())
    assert told["evidence"]["baseline"] == "image"
    assert "measured against a picture of the face at rest" in told["notices"]


def test_captions_of_another_rest_are_another_run(astronaut_file, tmp_path, capsys):
    folder, place = tmp_path / "in", tmp_path / "out.jsonl"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(astronaut_file.read_bytes())
    run = ["caption", str(folder), "-o", str(place), "--workers", "1", "--baseline"]
    assert cli.main([*run, str(astronaut_file)]) == 0
    lines = place.read_bytes()
    assert cli.main([*run, str(astronaut_file)]) == 0 and place.read_bytes() == lines
    assert cli.main([*run, "none"]) == 2 and "baseline" in capsys.readouterr().err
    assert place.read_bytes() == lines


def test_picture_at_rest_is_measured_once_for_many_files(astronaut_file, tmp_path, monkeypatch):
    times, real = [], explainer.resting_face
    monkeypatch.setattr(explainer, "resting_face", lambda *given: times.append(given) or real(*given))
    run = ["explain", str(astronaut_file), str(astronaut_file), "--style", "movement", "-o", str(tmp_path / "out.txt")]
    assert cli.main([*run, "--baseline", str(astronaut_file)]) == 0 and len(times) == 1
