"""The main path end to end, with an untrained model (what holds for any weights) and with the shipped one."""

import functools
import json

import numpy as np
import pytest
from conftest import encode
from PIL import Image

import emollm
from emollm import evidence
from emollm.answer import prompt
from emollm.explainer import QualityGate, Subject, explain, measure, shortcomings
from emollm.explanation import Explanation, json_schema
from emollm.perception import face, media
from emollm.schema import AU_NAMES, LABELS, InputError, NoFaceError, au_index


@pytest.fixture(scope="module")
def tiny_model(tiny_folder) -> str:
    """Name of the tiny model; its answers, which never end by themselves, are cut at 100 tokens."""
    from emollm.model import generate

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generate, "generate", functools.partial(generate.generate, max_new_tokens=100))
        yield str(tiny_folder)


@pytest.fixture(scope="module")
def astronaut_explained(astronaut_file, tiny_model) -> Explanation:
    found = explain(str(astronaut_file), model=tiny_model)
    assert len(found) == 1
    return found[0]


def conforms(value, schema) -> None:
    """Minimal JSON Schema check: type, enum, required, additionalProperties, items, bounds."""
    kinds = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict,
             "null": type(None)}
    if "type" in schema:
        wanted = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        assert any(isinstance(value, kinds[k]) for k in wanted), (value, schema)
    assert "enum" not in schema or value in schema["enum"], (value, schema)
    if isinstance(value, dict) and "properties" in schema:
        assert set(schema.get("required", ())) <= value.keys()
        assert schema.get("additionalProperties", True) or value.keys() <= schema["properties"].keys()
        for key, part in value.items():
            conforms(part, schema["properties"].get(key, {}))
    if isinstance(value, list) and "items" in schema:
        for part in value:
            conforms(part, schema["items"])
    if isinstance(value, float) and "maximum" in schema:
        assert schema["minimum"] <= value <= schema["maximum"]


def check(found: Explanation, grounded: bool = True):
    """What every explanation of a measured face fulfils, whatever the weights; grounded: and every line is measured."""
    stored = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    conforms(stored, json_schema())
    again = Explanation.from_dict(stored)
    assert again.to_dict() == found.to_dict()
    assert sum(found.distribution.values()) == pytest.approx(1)
    assert found.distribution.keys() == set(LABELS)
    assert found.confidence == found.distribution.get(found.label, 0.0)
    for claim in found.claims:
        assert found.text[slice(*claim.span)] == claim.text
    lines = [c for c in found.claims if c.level]
    assert not grounded or all(c.verdict == "supported" for c in lines)
    assert found.ai_generated
    assert str(found)


# --- with any weights ---------------------------------------------------------------------------------------------

def test_a_photograph_is_explained(astronaut_explained, astronaut_file, tiny_model):
    found = astronaut_explained
    check(found)
    assert found.source.endswith(astronaut_file.name)
    assert (found.model, found.question) == (tiny_model, prompt.DEFAULT_QUESTION)
    assert found.evidence["estimator"] == "emollm-face"
    assert found.measured
    assert found.key_frames == [0.0]
    x0, y0, x1, y1 = found.box
    assert 150 < x0 < x1 < 300
    assert 30 < y0 < y1 < 220
    series = emollm.AUSeries.from_dict(found.evidence)
    assert set(c.au for c in found.claims if c.level) <= {o.au for o in prompt.observe(series, [])}  # noqa: C401


def test_regions_lie_on_the_face(astronaut_explained):
    x0, y0, x1, y1 = astronaut_explained.box
    placed = [c for c in astronaut_explained.claims if c.au in AU_NAMES and c.level]
    assert placed
    for claim in placed:
        points = np.array(claim.region)
        assert len(points) >= 3
        assert ((points > [x0 - 20, y0 - 20]) & (points < [x1 + 20, y1 + 20])).all()


def test_every_kind_of_source_gives_the_same(astronaut, astronaut_file, astronaut_explained, tiny_model):
    """Bytes, Pillow picture and array are the picture of the file; `emollm.explain` is the same function."""
    for source in (astronaut_file.read_bytes(), Image.fromarray(astronaut), np.array(astronaut)):
        found = emollm.explain(source, model=tiny_model)[0]
        assert found.text == astronaut_explained.text
        assert found.distribution == pytest.approx(astronaut_explained.distribution, abs=1e-5)


def test_two_faces_are_two_explanations(two_faces_file, tiny_model):
    found = explain(two_faces_file, model=tiny_model)
    assert [f.face_id for f in found] == [0, 1]
    assert found[0].box[0] < 280 < found[1].box[0]
    for k, f in enumerate(found):
        check(f)
        assert f"2 faces measured, left to right: this is face {k}" in f.notices
    second = explain(two_faces_file, model=tiny_model, face=1)
    assert [f.face_id for f in second] == [1]
    assert second[0].box == found[1].box
    assert second[0].text == found[1].text  # a face alone is the face in the batch


def test_faces_beyond_eight_are_counted(astronaut, tiny_model):
    nine = np.tile(astronaut[0:280, 84:364], (3, 3, 1))
    found = explain(nine, model=tiny_model)
    assert len(found) == 8
    for f in found:
        assert f"8 faces measured, left to right: this is face {f.face_id}" in f.notices
        assert any(n.startswith("8 of 9 faces found at one time are measured") for n in f.notices)
    assert all(any("8 of 9 faces" in n for n in face.series.notices) for face in emollm.measure(nine))
    every = emollm.measure(nine, max_faces=9)
    assert len(every) == 9 and not any("of 9 faces" in n for face in every for n in face.series.notices)


def test_faces_beyond_the_limit_are_counted_in_clips(two_faces_file, tmp_path):
    picture = np.array(Image.open(two_faces_file).convert("RGB"))
    clip = encode(tmp_path / "two.mp4", [picture] * 10)
    for limit, told in ((1, ["1 of 2 faces found at one time are measured"]), (2, [])):
        seen = media.read(clip)
        assert len(face.follow(seen, max_faces=limit)) == limit
        assert [n.partition(", the clearest")[0] for n in seen.notices if "at one time" in n] == told


def test_an_unknown_face_is_named(two_faces_file, tiny_model):
    with pytest.raises(InputError, match="there is no face 5; faces here: 0, 1"):
        explain(two_faces_file, model=tiny_model, face=5)


def test_a_question_is_asked(astronaut_file, tiny_model):
    found = explain(astronaut_file, model=tiny_model, question="What does the mouth do?")[0]
    assert found.question == "What does the mouth do?"


def test_what_if_edits_the_evidence(astronaut_file, astronaut_explained, tiny_model):
    found = explain(astronaut_file, model=tiny_model, what_if={"au12": 0, "AU04": 4.0})[0]
    check(found)
    assert found.edits == {"AU12": 0.0, "AU04": 4.0}
    series = emollm.AUSeries.from_dict(found.evidence)
    assert series.intensity[0, au_index("AU12")].tolist() == [0, 0]
    assert series.intensity[0, au_index("AU04")].tolist() == [4, 4]
    assert "AU12" not in {c.au for c in found.claims if c.level}
    assert found.distribution != astronaut_explained.distribution
    assert astronaut_explained.edits == {}


@pytest.mark.parametrize("edits, message", [({"AU03": 1.0}, "unknown action unit 'AU03'"),
                                            ({"AU12": 9.0}, "what-if AU12=9: intensity must be between 0 and 5")])
def test_impossible_edits_are_refused_before_anything_is_read(edits, message):
    with pytest.raises(InputError, match=message):
        explain("there/is/no/such.jpg", model="nor-such-a-model", what_if=edits)


def test_grounding_can_be_turned_off(astronaut_file, tiny_model):
    found = explain(astronaut_file, model=tiny_model, grounded=False)[0]
    assert any("outside the grammar" in n for n in found.notices)  # an untrained model writes nonsense
    assert Explanation.from_dict(json.loads(json.dumps(found.to_dict()))).text == found.text


def test_a_clip_is_explained(astronaut_clip, clip_facts, tiny_model):
    found = explain(astronaut_clip, model=tiny_model)[0]
    check(found)
    assert found.evidence["baseline"] == "clip"
    assert 1 <= len(found.key_frames) <= 8
    assert found.key_frames == sorted(found.key_frames)
    assert len(found.evidence["times"]) == clip_facts.frames
    for claim in (c for c in found.claims if c.level):
        assert claim.interval is not None
        assert 0 <= claim.frame_time <= clip_facts.frames / clip_facts.fps


# --- action units without pixels ----------------------------------------------------------------------------------

def test_an_au_series_is_a_source(photo_of, tiny_model):
    found = explain(photo_of({"AU12": 3.0, "AU06": 2.0}), model=tiny_model)[0]
    check(found)
    assert (found.source, found.box) == ("AU table", [])
    assert {c.au for c in found.claims if c.level} <= {"AU06", "AU12"}


def test_a_written_table_is_a_source(photo_of, tiny_model, tmp_path):
    series = photo_of({"AU12": 3.0, "AU06": 2.0})
    evidence.write_csv(tmp_path / "face.csv", [series])
    from_table = explain(str(tmp_path / "face.csv"), model=tiny_model)[0]
    assert from_table.text == explain(series, model=tiny_model)[0].text


def test_a_facs_code_is_a_source(tiny_model):
    found = explain("6C+12D", model=tiny_model)[0]
    check(found)
    assert {(c.au, c.intensity) for c in found.claims if c.level} <= {("AU06", 3.0), ("AU12", 4.0)}


def test_a_table_that_holds_nothing_is_a_refusal(photo_of, tiny_model):
    found = explain(photo_of({}, hidden=AU_NAMES), model=tiny_model)[0]
    assert found.label is None
    assert found.notices == ["not enough to say: the table holds no action unit"]


def test_given_evidence_replaces_the_measurement(astronaut_file, two_faces_file, photo_of, tiny_model):
    given = photo_of({"AU04": 3.0})
    found = explain(astronaut_file, evidence=given, model=tiny_model)[0]
    check(found)
    assert found.evidence["estimator"] == "test"
    assert "action units were given, not measured here (test)" in found.notices
    assert {c.au for c in found.claims if c.level} <= {"AU04"}
    assert found.box  # the pixels are still there
    second = explain(two_faces_file, evidence=given, face=1, model=tiny_model)[0]
    assert second.face_id == 1
    with pytest.raises(InputError, match=r"evidence of 1 face\(s\) for 2 face\(s\); pick one with face=N"):
        explain(two_faces_file, evidence=given, model=tiny_model)


# --- refusals -----------------------------------------------------------------------------------------------------

def test_no_face_is_an_error_of_its_own(tmp_path, tiny_model):
    Image.fromarray(np.full((200, 300, 3), 128, np.uint8)).save(tmp_path / "grey.png")
    with pytest.raises(NoFaceError, match=r"grey.png: no face could be measured\. Use a picture with a larger"):
        explain(tmp_path / "grey.png", model=tiny_model)
    with pytest.raises(NoFaceError, match="no face could be measured"):
        measure(tmp_path / "grey.png")


def test_a_small_face_is_not_read(astronaut, tiny_model):
    """Below the size that measurements were tested at, the answer is "not enough to say", with the measurement kept."""
    small = Image.fromarray(astronaut).resize((256, 256), Image.LANCZOS)
    found = explain(small, model=tiny_model)[0]
    assert (found.label, found.text, found.claims, found.distribution) == (None, "", [], {})
    assert len(found.notices) == 1
    assert found.notices[0].startswith("not enough to say: face only 4")
    assert found.notices[0].endswith("px wide, 64 needed")
    assert found.measured
    conforms(json.loads(json.dumps(found.to_dict())), json_schema())
    assert str(found)
    read = explain(small, model=tiny_model, gate=None)[0]
    assert read.label in LABELS
    assert not any("not enough" in n for n in read.notices)


def test_a_refused_face_needs_no_weights(astronaut, tiny_folder, tmp_path):
    (tmp_path / "config.json").write_bytes((tiny_folder / "config.json").read_bytes())
    small = Image.fromarray(astronaut).resize((256, 256), Image.LANCZOS)
    assert explain(small, model=str(tmp_path))[0].label is None
    with pytest.raises(InputError, match=r"model\.safetensors is missing"):
        explain(astronaut, model=str(tmp_path))


@pytest.mark.parametrize("change, words", [
    ({"size": 40}, "face only 40 px wide, 64 needed"), ({"blur": 0.01}, "sharpness 0.01, 0.08 needed"),
    ({"visible": 0.5}, "50% of the face in the picture, 60% needed"),
    ({"yaw": -50}, "head turned by 50 degrees, at most 35"), ({"pitch": 40}, "head turned by 40 degrees, at most 35"),
    ({"units": 5}, "only 5 action units could be measured"), ({}, None), ({"roll": 80}, None)])
def test_every_limit_of_the_gate(photo_of, change, words):
    from emollm.schema import FaceTrack, Quality

    series = photo_of({}, hidden=AU_NAMES[change.get("units", 24):])
    quality = Quality(*(np.array([float(change.get(k, good))]) for k, good in (("size", 90), ("blur", 0.5), ("visible", 1))))
    pose = np.array([[float(change.get(k, 0)) for k in ("yaw", "pitch", "roll")]])
    track = FaceTrack(0, np.zeros(1, int), np.zeros(1), np.zeros((1, 4)), np.zeros((1, 478, 3)), pose, quality)
    assert shortcomings(Subject(series, track), QualityGate()) == ([words] if words else [])
    assert shortcomings(Subject(series, track), None) == []


def test_a_missing_model_is_named(astronaut_file):
    with pytest.raises(InputError, match="model 'no-such-model': no config"):
        explain(astronaut_file, model="no-such-model")
