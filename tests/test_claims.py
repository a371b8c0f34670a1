"""Claims hold by their margins, on either side of each, and name where they come from."""

import random

import pytest

from data_engine import claims, phrases
from emollm.facs.readings import relation
from emollm.facs.tables import COMBINATIONS, OTHER_READINGS
from emollm.schema import LABELS


@pytest.fixture
def face(photo_of):
    return lambda levels, hidden=(): claims.observe_face(photo_of(levels, hidden), [])


@pytest.fixture
def clip(clip_of):
    def make(movements: dict):
        return claims.observe_face(*clip_of({au: (*span, 3.0, 3.0) for au, span in movements.items()}))
    return make


def kinds(found) -> set[str]:
    return {c.kind for c in found}


def only(found, kind: str) -> claims.DraftClaim:
    return next(c for c in found if c.kind == kind)


@pytest.mark.parametrize("second, told", [(2.1, True), (2.3, False)])
def test_a_rank_needs_its_lead(face, second, told):
    found = claims.movements(face({"AU12": 3.0, "AU06": second}))
    assert ("strongest" in kinds(found)) == told
    if told:
        assert only(found, "strongest").units == ("AU12",)


@pytest.mark.parametrize("left, told", [(3.0, "left"), (2.4, "")])
def test_a_side_needs_a_clear_gap(face, left, told):
    found = [c for c in claims.movements(face({"AU14": (left, 1.2), "AU25": 2.0})) if c.kind == "side"]
    assert [c.value for c in found] == [told] * bool(told)


@pytest.mark.parametrize("brow, told", [(0.2, True), (0.6, False)])
def test_stillness_is_measured_absence(face, brow, told):
    """Between OFF and ON nobody should be sure; what was not measured is not still."""
    found = claims.movements(face({"AU12": 3.0, "AU04": brow}))
    assert ("brows" in {c.value for c in found if c.kind == "still"}) == told
    hidden = claims.movements(face({"AU12": 3.0}, hidden=["AU04"]))
    assert "brows" not in {c.value for c in hidden if c.kind == "still"}


def test_places(face):
    place = lambda levels: [c.value for c in claims.movements(face(levels)) if c.kind == "place"]  # noqa: E731
    assert place({"AU12": 3.0, "AU25": 2.0}) == place({"AU04": 3.0, "AU07": 2.0}) == []
    assert place({"AU06": 2.0, "AU12": 3.0}) == ["both"]
    assert place({"AU06": 1.4, "AU12": 3.0}) == []  # a trace above is no share


def test_patterns_respect_sides_and_missing_movements(face):
    names = lambda levels, hidden=(): [c.value for c in claims.patterns(face(levels, hidden))]  # noqa: E731
    assert "cheek and mouth corner smile" in names({"AU06": 2.0, "AU12": 3.0})
    assert "mouth-only smile" not in names({"AU06": 2.0, "AU12": 3.0})
    assert names({"AU12": 3.0}) == ["mouth-only smile"]
    assert names({"AU12": 3.0, "AU06": 0.8}) == []  # the cheeks might be there
    assert names({"AU12": 3.0}, ["AU06"]) == []
    assert names({"AU12": (3.0, 1.0)}) == ["one-sided smile"]
    assert all(c.source for c in claims.patterns(face({"AU06": 2.0, "AU12": 3.0})))


def test_movements_at_different_times_are_no_pattern(clip):
    together, apart = {"AU06": (1.0, 1.5, 2.0), "AU12": (1.0, 1.5, 2.0)}, {"AU06": (0.2, 0.5, 1.0), "AU12": (2.0, 2.5, 3.0)}
    assert claims.patterns(clip(together))
    assert not claims.patterns(clip(apart))


def test_a_clip_is_told_in_order(clip):
    found = claims.moments(clip({"AU12": (3.0, 3.5, 4.0), "AU01": (0.5, 1.0, 2.0), "AU26": (1.5, 1.7, 1.9)}))
    told = only(found, "sequence3")
    assert (told.units, told.value) == (("AU01", "AU26", "AU12"), [0.5, 1.5, 3.0])
    assert only(found, "brief").units == ("AU26",)


def test_onsets_near_each_other_have_no_order(clip):
    assert "sequence2" not in kinds(claims.moments(clip({"AU12": (1.0, 1.5, 2.0), "AU25": (1.3, 1.5, 2.0)})))
    assert "at once" in kinds(claims.moments(clip({"AU12": (1.0, 1.5, 2.0), "AU25": (1.0, 1.5, 2.0)})))


def test_what_lasts(clip):
    found = claims.moments(clip({"AU12": (0.0, 2.0, 5.0), "AU25": (1.0, 1.5, 2.0)}))
    assert only(found, "throughout").units == only(found, "lasts").units == ("AU12",)


def test_a_photo_has_no_time(face):
    assert claims.moments(face({"AU12": 3.0, "AU25": 2.0})) == []


def test_support_names_every_listed_movement_in_the_order_of_the_lines(face):
    found = claims.support("anger", face({"AU24": 3.0, "AU04": 2.0, "AU12": 4.0, "AU07": 1.3, "AU25": 2.0}))
    assert (found.kind, found.units, found.value) == ("support3", ("AU04", "AU07", "AU24"), "anger")
    assert "Du, Tao" in found.source


@pytest.mark.parametrize("levels, label, kind", [
    ({"AU25": 3.0}, "anger", "common"), ({"AU25": 3.0}, "surprise", "support1"), ({"AU25": 3.0}, "sadness", "look"),
    ({}, "sadness", "look at rest"), ({}, "neutral", "no movement"), ({"AU12": 2.0}, "neutral", "look")])
def test_what_a_conclusion_rests_on(face, levels, label, kind):
    assert claims.support(label, face(levels)).kind == kind


def test_nothing_measured_is_not_rest(face):
    nothing = face({}, hidden=list(claims.AU_NAMES))
    assert kinds(claims.movements(nothing)) == {"unmeasured"}
    assert claims.support("neutral", nothing).kind == "unseen"


@pytest.mark.parametrize("smile, told", [(2.5, True), (1.6, False)])
def test_an_objection_is_clear_and_in_no_listing(face, smile, told):
    found = claims.objection("anger", face({"AU04": 3.0, "AU12": smile}))
    assert bool(found) == told
    for label in LABELS:
        if found := claims.objection(label, face({"AU04": 3.0, "AU12": 3.0})):
            assert relation(label, found.units[0]) == "against"


def test_causes_are_in_the_table_and_do_not_repeat_the_movement(face):
    every = claims.causes(face({"AU26": 3.0, "AU25": 2.0, "AU12": 1.5}))
    assert {"speech", "breathing through the mouth"} <= {c.value for c in every if c.kind == "shared cause"}
    assert not [c for c in every if c.value in claims.SAME_AGAIN]
    assert all(set(c.units) <= {"AU12", "AU25", "AU26"} and c.source for c in every)


def test_invented_faces_have_claims_for_every_label(drawn_face):
    for seed in range(100):
        series, _, _, observations, _ = drawn_face(seed)
        face = claims.DraftFace(series, observations)
        assert claims.movements(face)
        for label in LABELS:
            assert set(claims.support(label, face).units) <= face.there.keys()
        assert random.Random(seed).choice(claims.causes(face)).units if face.there else True


def test_what_is_not_told_stands_in_the_tables():
    """Words of the tables that are left out are found there: reworded in one place only, they would be told again."""
    assert set(claims.SAME_AGAIN) <= {reading for readings in OTHER_READINGS.values() for reading in readings}
    assert set(phrases.TOO_MUCH) <= {phrase for c in COMBINATIONS for phrase in c.phrases}
