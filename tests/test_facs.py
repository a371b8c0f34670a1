"""The knowledge base is complete, consistent with the schema, and its regions lie where the movement shows."""

import re

import numpy as np
import pytest

from emollm.facs.muscles import units_of_muscles
from emollm.facs.readings import (
    AGAINST,
    LEVELS,
    describe,
    level_letter,
    level_of_letter,
    level_word,
    reading,
    region_patches,
    region_polygon,
    relation,
)
from emollm.facs.tables import COMBINATIONS, DU, OTHER_READINGS, VARIANTS
from emollm.facs.units import ACTION_UNITS
from emollm.schema import AU_NAMES, AUS, LABELS, InputError


@pytest.fixture(scope="module")
def landmarks():
    """478 landmarks [478, 2] px of scikit-image's public-domain astronaut."""
    data = pytest.importorskip("skimage.data")
    mediapipe = pytest.importorskip("mediapipe")
    picture = np.ascontiguousarray(data.astronaut())
    height, width = picture.shape[:2]
    with mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=True, refine_landmarks=True) as mesh:
        found = mesh.process(picture).multi_face_landmarks
    return np.array([[p.x * width, p.y * height] for p in found[0].landmark])


def area(polygon):
    x, y = np.array(polygon).T
    return abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def crosses(a, b, c, d):
    def turn(p, q, r):
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])
    return turn(a, b, c) * turn(a, b, d) < 0 and turn(c, d, a) * turn(c, d, b) < 0


def test_action_units_are_those_of_the_schema_in_order():
    assert tuple(ACTION_UNITS) == AU_NAMES
    assert tuple(unit.number for unit in ACTION_UNITS.values()) == AUS
    assert set(OTHER_READINGS) == set(AU_NAMES)


@pytest.mark.parametrize("unit", ACTION_UNITS.values(), ids=lambda unit: unit.name)
def test_action_unit_is_complete(unit):
    """Looks end an observation line, so the grammar's separators and side words must not occur in them."""
    assert unit.title == unit.title.lower() and unit.muscle and unit.note
    assert 4 <= len(set(unit.look)) == len(unit.look) <= 6
    assert not [look for look in unit.look if re.search(r"[,|;:.\n]|\b(left|right|both)\b", look)]
    assert unit.confusable and set(unit.confusable) <= set(AU_NAMES) - {unit.name}
    assert len(OTHER_READINGS[unit.name]) >= 2


@pytest.mark.parametrize("unit", [u for u in ACTION_UNITS.values() if u.number not in (43, 45)], ids=lambda unit: unit.name)
def test_every_muscle_of_a_unit_is_known_by_its_name(unit):
    """Closing the eyes relaxes the muscle of AU05, so neither AU43 nor AU45 is found by it."""
    assert unit.name in {name for units in units_of_muscles(unit.muscle.lower()) for name in units}


@pytest.mark.parametrize(("text", "units"), [
    ("is the orbicularis occuli active", (("AU06", "AU07"),)), ("zigomaticus major", (("AU12",),)),
    ("levator labii superioris alaeque nasi", (("AU09",),)), ("corrugator and frontalis", (("AU01", "AU02"), ("AU04",))),
    ("the temporal order of mental states on the zygomatic bone", ())])
def test_muscles_are_found_in_what_people_write(text, units):
    assert units_of_muscles(text) == units


def test_titles_and_looks_are_not_shared():
    titles = [unit.title for unit in ACTION_UNITS.values()]
    looks = [look for unit in ACTION_UNITS.values() for look in unit.look]
    assert len(set(titles)) == len(titles)
    assert len(set(looks)) == len(looks)


@pytest.mark.parametrize("intensity, word", [(0.0, "trace"), (1.49, "trace"), (1.5, "slight"), (2.5, "marked"),
                                             (3.49, "marked"), (3.5, "pronounced"), (4.5, "extreme"), (5.0, "extreme")])
def test_level_word_changes_at_the_half_steps(intensity, word):
    assert level_word(intensity) == word


@pytest.mark.parametrize("name", AU_NAMES)
def test_regions_are_simple_polygons_on_the_right_half_of_the_face(name, landmarks):
    """Catches a wrong or misplaced landmark index: the outline would cross itself, vanish or change sides."""
    face_area = np.ptp(landmarks[:, 0]) * np.ptp(landmarks[:, 1])
    left, right = (region_polygon(name, side, landmarks) for side in ("left", "right"))
    middle = landmarks[[10, 168, 152], 0].mean()
    assert np.mean(left, 0)[0] > middle > np.mean(right, 0)[0]  # the person's left is image right
    for polygon in (left, right):
        n = len(polygon)
        assert 0.002 < area(polygon) / face_area < 0.15
        assert not [1 for i in range(n) for j in range(i + 2, n)
                    if crosses(polygon[i], polygon[(i + 1) % n], polygon[j], polygon[(j + 1) % n])]
    assert area(left) == pytest.approx(area(right), rel=0.5)


def test_region_of_both_sides_holds_both_halves(landmarks):
    both = region_polygon("AU04", "both", landmarks)
    halves = [area(region_polygon("AU04", side, landmarks)) for side in ("left", "right")]
    assert area(both) >= sum(halves)


def test_halves_that_do_not_meet_are_two_patches(landmarks):
    for au, apart in (("AU06", True), ("AU07", True), ("AU12", True), ("AU25", False), ("AU17", False)):
        patches = region_patches(au, "both", landmarks)
        assert patches == ([region_polygon(au, side, landmarks) for side in ("left", "right")] if apart else []), au
    assert region_patches("AU06", "left", landmarks) == []


def test_brow_region_is_above_mouth_region(landmarks):
    brow, mouth = (np.mean(region_polygon(au, "left", landmarks), 0) for au in ("AU04", "AU25"))
    assert brow[1] < landmarks[1, 1] < mouth[1]  # landmark 1: tip of the nose


def test_unknown_side_and_action_unit_are_input_errors(landmarks):
    with pytest.raises(InputError, match="middle"):
        region_polygon("AU04", "middle", landmarks)
    with pytest.raises(InputError, match="AU99"):
        region_polygon("AU99", "left", landmarks)


def test_variants_keep_sources_apart():
    """Sources disagree; a label with a single source would be a prototype."""
    for label in LABELS:
        own = [v for v in VARIANTS if v.label == label]
        assert own and all(v.source for v in own)
        assert label == "neutral" or len({v.source for v in own}) >= 3
    for v in VARIANTS:
        assert v.label in LABELS and set(v.aus) <= set(AU_NAMES)
        assert all(share is None or 0 < share <= 1 for share in v.aus.values())


@pytest.mark.parametrize("label, shares", [
    ("happiness", {12: 0.7, 25: 0.7, 6: 0.51}),
    ("sadness", {4: 0.7, 15: 0.7, 1: 0.6, 6: 0.5, 11: 0.26, 17: 0.67}),
    ("fear", {1: 0.7, 4: 0.7, 20: 0.7, 25: 0.7, 2: 0.57, 5: 0.63, 26: 0.33}),
    ("anger", {4: 0.7, 7: 0.7, 24: 0.7, 10: 0.26, 17: 0.52, 23: 0.29}),
    ("surprise", {1: 0.7, 2: 0.7, 25: 0.7, 26: 0.7, 5: 0.66}),
    ("disgust", {9: 0.7, 10: 0.7, 17: 0.7, 4: 0.31, 24: 0.26}),
])
def test_shares_are_those_of_du_et_al(label, shares):
    listed = next(v.aus for v in VARIANTS if v.label == label and v.source == DU)
    assert listed == {f"AU{k:02d}": share for k, share in shares.items()}


def test_combinations_are_well_formed():
    assert len(COMBINATIONS) >= 25
    for c in COMBINATIONS:
        assert c.aus and c.aus <= set(AU_NAMES) and not c.aus & c.without
        assert c.phrases and c.commonly_read_as and c.source and c.name
        if c.without and not c.one_sided and len(c.aus) == 1:
            assert all(re.search(r"\b(without|no|only)\b", phrase) for phrase in c.phrases)


@pytest.mark.parametrize(("name", "there", "absent", "holds"), [
    ("one-sided smile", {"AU12": "left"}, (), True),
    ("one-sided smile", {"AU12": "both"}, (), False),
    ("one-sided smile", {"AU14": "left"}, (), False),
    ("outer brow on one side", {"AU02": "right", "AU12": "both"}, (), True),
])
def test_a_combination_holds_by_sides(name, there, absent, holds):
    assert next(c for c in COMBINATIONS if c.name == name).holds(there, absent) == holds


def test_what_must_not_be_there_must_be_measured_as_absent():
    """A unit that was not measured, or is between absent and there, is not taken for absent."""
    for c in (c for c in COMBINATIONS if c.without):
        there = dict.fromkeys(c.aus, "both")
        assert c.holds(there, c.without)
        assert not c.holds(there, set(c.without) - {min(c.without)})
        assert not c.holds(dict(list(there.items())[1:]), c.without)


@pytest.mark.parametrize(("letter", "level"), [("A", 1.0), ("e", 5.0), ("F", None), ("", None), ("AB", None)])
def test_letters_are_levels(letter, level):
    assert level_of_letter(letter) == level
    assert level is None or level_letter(level) == letter.upper()


def test_relation():
    assert relation("happiness", "AU12") == "for"
    assert relation("sadness", 12) == "against"
    assert relation("happiness", "AU45") == "neutral"
    assert relation("neutral", "AU04") == "against"
    assert relation("neutral", "AU25") == "neutral"
    with pytest.raises(InputError, match="bored"):
        relation("bored", 12)


def test_nothing_listed_for_a_label_is_called_evidence_against_it():
    """The hand table must not contradict any published listing."""
    listed = {(v.label, au) for v in VARIANTS for au in v.aus}
    table = {(label, f"AU{k:02d}") for label, numbers in AGAINST.items() for k in numbers}
    assert not listed & table
    assert all(relation(label, au) == "against" for label, au in table)


@pytest.mark.parametrize("name", AU_NAMES)
def test_describe_says_what_is_known(name):
    unit, text = ACTION_UNITS[name], describe(int(name[2:]))
    for part in (unit.name, unit.title, unit.muscle, unit.laterality, *unit.look, *unit.confusable, *LEVELS):
        assert part in text
    for label in LABELS:
        listed = any(name in v.aus for v in VARIANTS if v.label == label)
        assert (f"\n    {label}: " in text) == listed


def test_reading_names_labels_and_plain_causes():
    assert "anger" in reading("AU04") and "bright light" in reading("AU04")
    assert reading("AU45") == OTHER_READINGS["AU45"]
