"""Edits of the evidence, and claims placed in time and picture."""

import dataclasses

import numpy as np
import pytest

from emollm.answer import prompt
from emollm.answer.bind_answer import bind
from emollm.facs.readings import region_polygon
from emollm.perception.events import events as find_events
from emollm.schema import AU_NAMES, LABELS, FaceTrack, InputError, Quality, au_index
from emollm.what_if import edit

ANSWER = ("AU12 lip corner puller | both | 3.0 marked | still | mouth corner pulled up and back\n"
          "Interpretation: The corner goes up; no AU04.\nConclusion: happiness. Next comes surprise.")


def spread(**shares) -> dict[str, float]:
    rest = (1 - sum(shares.values())) / (len(LABELS) - len(shares))
    return {label: shares.get(label, rest) for label in LABELS}


@pytest.fixture
def track_of():
    """Function (series) -> a track with landmarks of its own in every frame."""
    def make(series):
        n, draw = len(series.times), np.random.default_rng(0)
        landmarks = draw.uniform(100, 200, (n, 478, 3))
        return FaceTrack(0, np.arange(n), series.times, np.tile([90.0, 91, 210, 212], (n, 1)) + np.arange(n)[:, None],
                         landmarks, np.zeros((n, 3)), Quality(np.full(n, 120.0), np.ones(n), np.ones(n)), (300, 300))

    return make


def bound(text, series, events, track=None, distribution=None, key_frames=(0,)):
    return bind(prompt.parse(text), text, distribution or spread(happiness=0.8), series, events, list(key_frames), track)


# --- edits --------------------------------------------------------------------------------------------------------

def test_an_edit_sets_both_sides_over_the_whole_track(clip_of):
    series, events = clip_of({"AU12": (1, 2, 3, 4, 2), "AU04": (0, 1, 2, 3, 3)})
    before = series.intensity.copy()
    edited, left = edit(series, events, {"AU12": 0.0, "au6": 3.5})
    assert (edited.intensity[:, au_index("AU12")] == 0).all()
    assert (edited.intensity[:, au_index("AU06")] == 3.5).all()
    assert (edited.confidence[:, au_index("AU06")] == 1).all()
    others = [k for k, au in enumerate(AU_NAMES) if au not in ("AU12", "AU06")]
    np.testing.assert_array_equal(edited.intensity[:, others], before[:, others])
    np.testing.assert_array_equal(series.intensity, before)  # what was measured stays as it was
    assert [(e.au, e.onset, e.offset, e.peak) for e in left] == [("AU04", 0, 2, 3), ("AU06", 0.0, 5.0, 3.5)]
    assert [e.au for e in events] == ["AU12", "AU04"]


def test_what_is_edited_counts_as_measured(photo_of):
    edited, events = edit(photo_of({}, hidden=["AU04"]), [], {"AU04": 2.0})
    assert edited.measured[au_index("AU04")]
    assert [(o.au, o.intensity) for o in prompt.observe(edited, events)] == [("AU04", 2.0)]
    assert events == []  # a photograph has none


def test_an_edit_to_zero_removes_the_claim_and_to_five_adds_it(photo_of):
    series = photo_of({"AU12": 3.0})
    assert prompt.observe(*edit(series, [], {"AU12": 0})) == []
    assert [o.au for o in prompt.observe(*edit(series, [], {"AU01": 5}))] == ["AU01", "AU12"]


@pytest.mark.parametrize("changes, message", [
    ({"AU03": 1.0}, "unknown action unit 'AU03'"), ({"smile": 1.0}, "unknown action unit 'smile'"),
    ({"AU12": 5.1}, "what-if AU12=5.1: intensity must be between 0 and 5"),
    ({"AU12": -0.1}, "between 0 and 5"), ({"AU12": float("nan")}, "between 0 and 5"),
])
def test_impossible_edits_are_refused(photo_of, changes, message):
    with pytest.raises(InputError, match=message):
        edit(photo_of({}), [], changes)


# --- explanations -------------------------------------------------------------------------------------------------

def test_an_explanation_holds_the_answer_and_its_evidence(photo_of, track_of):
    series = photo_of({"AU12": 3.0})
    found = bound(ANSWER, series, [], track_of(series))
    assert (found.label, found.confidence) == ("happiness", 0.8)
    assert found.text == ANSWER
    assert found.observations == ANSWER.split("\n", maxsplit=1)[0]
    assert found.interpretation == "The corner goes up; no AU04."
    assert found.conclusion == "Next comes surprise."
    assert [(c.au, c.polarity, c.verdict) for c in found.claims] == [
        ("AU12", "present", "supported"), ("AU12", "present", "supported"), ("AU04", "absent", "supported"),
        ("", "present", "supported")]
    assert [c.kind for c in found.claims] == ["observation", "movement", "movement", "alternative"]
    assert found.evidence == series.to_dict()
    assert (found.box, found.key_frames, found.notices) == ([90.0, 91.0, 210.0, 212.0], [0.0], [])


def test_a_claim_is_placed_at_its_movement(clip_of, track_of):
    """The region belongs to the frame of the strongest moment, on the stated side."""
    series, events = clip_of({"AU12": (1, 2, 3, 4, 1)})
    track = track_of(series)
    text = ANSWER.replace("both | 3.0 marked | still", "left | 4.0 pronounced | 1.0-3.0 s")
    claim = bound(text, series, events, track).claims[0]
    assert claim.verdict == "supported"
    assert claim.frame_time == 2.0
    assert claim.region == region_polygon("AU12", "left", track.landmarks[20])
    assert claim.box == pytest.approx(track.boxes[20].tolist(), abs=0.05) != track.boxes[0].tolist()
    assert claim.interval == (1.0, 3.0)


def test_a_claim_without_event_is_placed_where_it_is_strongest(clip_of, track_of):
    series, _ = clip_of({"AU12": (1, 3.4, 4, 1.4, 1.4)})
    assert bound(ANSWER, series, [], track_of(series)).claims[0].frame_time == 3.4


def test_the_box_is_that_of_the_first_key_frame(clip_of, track_of):
    series, events = clip_of({"AU12": (1, 2, 3, 4, 4)})
    found = bound(ANSWER, series, events, track_of(series), key_frames=(7, 20))
    assert found.box == [97.0, 98.0, 217.0, 219.0]
    assert found.key_frames == [pytest.approx(0.7), pytest.approx(2.0)]


def test_tables_have_no_regions(photo_of):
    found = bound(ANSWER, photo_of({"AU12": 3.0}), [])
    assert (found.box, [c.region for c in found.claims]) == ([], [[], [], [], []])


def test_an_unknown_unit_is_a_claim_without_a_place(photo_of, track_of):
    series = photo_of({"AU12": 3.0})
    found = bound(ANSWER.replace("AU04", "AU03"), series, [], track_of(series))
    assert (found.claims[2].au, found.claims[2].verdict, found.claims[2].region) == ("AU03", "unmeasured", [])


def test_two_alternatives_when_it_is_close(photo_of):
    clear = bound(ANSWER, photo_of({}), [], distribution=spread(happiness=0.6, surprise=0.2))
    close = bound(ANSWER, photo_of({}), [], distribution=spread(happiness=0.4, surprise=0.3, fear=0.2))
    assert (clear.alternatives, close.alternatives) == (["surprise"], ["surprise", "fear"])


def test_problems_become_notices(photo_of):
    found = bound("AU12 smiles\nInterpretation: so.\nConclusion: glad.", photo_of({}), [])
    assert (found.label, found.confidence) == (None, 0.0)
    assert len(found.notices) == 2
    assert all(n.startswith("the answer has a part outside the grammar: ") for n in found.notices)


def test_events_of_an_edit_are_found_like_measured_ones(clip_of):
    """Editing before or after the events are found must not matter: what-if on a clip goes through both."""
    series, _ = clip_of({"AU12": (1, 2, 3, 4, 4)})
    after = edit(series, find_events(series), {"AU12": 0.0, "AU04": 3.0})[1]
    before = find_events(edit(series, [], {"AU12": 0.0, "AU04": 3.0})[0])
    assert [dataclasses.replace(e, apex=0) for e in after] == [dataclasses.replace(e, apex=0) for e in before]
