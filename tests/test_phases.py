"""Stretches of a clip that are read alike, and valence and arousal over it."""

import itertools

import numpy as np
import pytest

from emollm import explain
from emollm.answer.phases import SHORTEST, phases_and_affect
from emollm.evidence import parse_facs
from emollm.explanation import Explanation, as_text
from emollm.schema import AUS, AUEvent, AUSeries, Claim, au_index

RATE = 25


def clip(*parts: tuple[float, dict[int, float]]) -> AUSeries:
    """Parts of so many seconds with action units at a level."""
    rows = [np.zeros((round(seconds * RATE), len(AUS), 2)) for seconds, _ in parts]
    for row, (_, units) in zip(rows, parts, strict=True):
        for number, level in units.items():
            row[:, au_index(number)] = level
    intensity = np.concatenate(rows)
    return AUSeries(times=np.arange(len(intensity)) / RATE, intensity=intensity, confidence=np.ones(intensity.shape[:2]),
                    measured=np.ones(len(AUS), bool), estimator="drawn", version="1")


SMILE, ANGER = {6: 4.0, 12: 4.0}, {4: 4.0, 7: 4.0, 24: 4.0}


def test_phases_follow_the_movements():
    found, _ = phases_and_affect(clip((2, {}), (3, SMILE), (2, ANGER)))
    assert [one["label"] for one in found] == ["neutral", "happiness", "anger"]
    assert [m["au"] for m in found[1]["movements"]][:2] == ["AU06", "AU12"]
    assert np.allclose([one["start"] for one in found], [0, 2, 5], atol=SHORTEST / 2)
    assert all(a["end"] == b["start"] for a, b in itertools.pairwise(found))
    assert found[1]["valence"] > 0.5 and found[2]["valence"] < 0


def test_a_flash_belongs_to_its_neighbours():
    found, _ = phases_and_affect(clip((2, {}), (0.2, SMILE), (2, {})))
    assert [one["label"] for one in found] == ["neutral"]


def test_what_is_not_seen_is_not_read():
    series = clip((2, {}), (2, SMILE))
    series.intensity[60:] = np.nan
    found, _ = phases_and_affect(series)
    assert found[-1]["end"] == pytest.approx(series.times[-1]) and not np.isnan(found[-1]["confidence"])


def test_the_track_rises_with_the_smile():
    _, track = phases_and_affect(clip((2, {}), (2, SMILE)))
    assert track["times"][0] == 0 and len({len(values) for values in track.values()}) == 1
    assert track["valence"][-1] - track["valence"][0] > 0.5
    assert all(low <= value <= high for value, (low, high) in zip(track["valence"], track["valence_interval"], strict=True))


def test_a_photo_has_no_phases():
    assert phases_and_affect(parse_facs("6C+12D")) == ([], {})


def test_a_clip_is_explained_in_phases(astronaut_clip, tiny_folder):
    (found,) = explain(astronaut_clip, model=str(tiny_folder))
    assert found.phases and found.phases[0]["start"] == pytest.approx(0, abs=0.1) and found.affect_track["times"]
    again = type(found).from_dict(found.to_dict())
    assert again.phases == found.phases and again.affect_track == found.affect_track


def test_strong_movements_of_a_clip_are_not_left_out():
    events = [AUEvent("AU12", "both", 0.5, 1.0, 2.0, 4.0), AUEvent("AU06", "both", 0.5, 1.5, 2.0, 3.5),
              AUEvent("AU06", "both", 3.0, 3.5, 4.0, 4.5), AUEvent("AU04", "both", 0.2, 0.4, 0.6, 2.0)]
    told = Claim("AU12 both: pronounced 4.0", (0, 25), "AU12", level="pronounced", intensity=4.0, kind="observation")
    text = as_text(Explanation(face_id=0, claims=[told], events=events))
    assert "Measured as well: cheek raiser (AU06) 4.5 at 3.5 s" in " ".join(text.split())
    assert "AU04" not in text
