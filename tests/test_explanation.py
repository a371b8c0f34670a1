"""The text of an explanation: wording, verdict marks, styles, and files that are written whole or not at all."""

import math
import os
import re
import stat

import pytest

from emollm.explanation import DISCLOSURE, MARKS, STYLES, Explanation, alternatives, as_text, ascii_only
from emollm.files import write_file
from emollm.schema import Claim, InputError

FORBIDDEN = re.compile(r"\b(is|are) (angry|happy|sad|afraid|surprised|disgusted)|"
                       r"\b(hiding|truth|really|he|she|his|her)\b")


def claim(au="AU12", verdict="supported", **changes):
    values = {"text": "", "span": (0, 0), "au": au, "level": "marked", "intensity": 3.1, "measured_intensity": 3.0}
    return Claim(**values | {"verdict": verdict} | changes)


def explanation(**changes):
    values = {"label": "happiness", "confidence": 0.83, "alternatives": ["neutral"], "source": "/a/b/photo.jpg",
              "distribution": {"happiness": 0.83, "neutral": 0.12, "contempt": 0.05}, "evidence": {},
              "claims": [claim("AU06"), claim("AU12", intensity=4.2, level="pronounced")],
              "interpretation": "The cheeks take part in the smile.", "conclusion": "Politeness can look the same.",
              "model": "pocket-0", "evidence_version": "1.0"}
    return Explanation(**values | changes)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("changes", [{}, {"label": None, "confidence": 0, "distribution": {}, "alternatives": []},
                                     {"claims": []}, {"evidence": None, "claims": [], "label": None}])
def test_no_style_says_what_somebody_feels(style, changes):
    text = as_text(explanation(**changes), style)
    assert not FORBIDDEN.search(text)
    assert "feels" not in text.replace(DISCLOSURE, "")


@pytest.mark.parametrize("style", ["label", "brief", "full"])
def test_a_label_never_stands_without_its_confidence_and_an_alternative(style):
    text = as_text(explanation(), style).lower()
    assert "commonly read as happiness" in text
    assert "confidence 0.83" in text
    assert "neutral" in text


def test_movement_style_names_no_emotion():
    text = as_text(explanation(), "movement")
    assert "AU12  lip corner puller" in text
    for word in ("happiness", "neutral", "contempt", "commonly read"):
        assert word not in text


def test_label_style_is_one_line():
    assert as_text(explanation(), "label") == (
        "photo.jpg, face 0: commonly read as happiness (confidence 0.83); could also be read as neutral")


def test_brief_cites_the_strongest_movement_first():
    text = as_text(explanation(), "brief")
    assert text.startswith("Lip corner puller (AU12, pronounced 4.2/5) with cheek raiser (AU06, marked 3.1/5) is ")
    assert "\n" not in text


def test_brief_leaves_out_what_the_measurement_contradicts():
    text = as_text(explanation(claims=[claim("AU06"), claim("AU04", "contradicted")]), "brief")
    assert "AU06" in text
    assert "AU04" not in text


@pytest.mark.parametrize("verdict, mark", MARKS.items())
def test_each_verdict_has_its_mark_and_reason(verdict, mark):
    text = as_text(explanation(claims=[claim(verdict=verdict, reason="too weak")]))
    line = next(line for line in text.split("\n") if "AU12" in line)
    assert line.strip().startswith(mark)
    assert ("too weak" in line) == (verdict != "supported")


def test_two_alternatives_when_the_first_two_labels_are_close():
    close = {"happiness": 0.4, "surprise": 0.3, "fear": 0.2, "neutral": 0.1}
    assert alternatives(explanation(distribution=close, alternatives=["surprise"])) == ["surprise", "fear"]
    clear = {"happiness": 0.8, "surprise": 0.1, "fear": 0.06, "neutral": 0.04}
    assert alternatives(explanation(distribution=clear, alternatives=["surprise"])) == ["surprise"]
    assert alternatives(explanation(distribution=clear, alternatives=[])) == ["surprise"]
    sure = {"happiness": 0.98, "surprise": 0.02}
    assert alternatives(explanation(distribution=sure, alternatives=["surprise"])) == []


def test_full_text_holds_every_part_once():
    text = str(explanation(question="Why?", edits={"AU04": 0.0}, notices=["Small face."],
                           claims=[claim(interval=(0.4, 1.8)), claim(interval=(0.4, 1.8))]))
    for part in ("photo.jpg, face 0", "Question: Why?", "AU04 set to 0", "! Small face.", "0.4-1.8 s",
                 "The cheeks take part", "Politeness can look the same.", "pocket-0 · 1.0", DISCLOSURE):
        assert text.count(part) == 1, part


def test_nothing_to_say_is_said():
    text = str(explanation(label=None, claims=[], distribution={}, alternatives=[], conclusion=""))
    assert "No movement stands out." in text
    assert "Not enough to say." in text
    assert "commonly" not in text


def test_columns_line_up():
    rows = [line for line in str(explanation()).split("\n") if re.search(r"AU\d\d  ", line)]
    assert len({line.index("both") for line in rows}) == 1
    assert len({line.index("measured ") for line in rows}) == 1


def test_unknown_numbers_are_left_out():
    text = str(explanation(claims=[claim(intensity=math.nan, measured_intensity=math.nan, level="")]))
    assert "nan" not in text


def test_ascii_terminals_get_ascii():
    assert ascii_only(str(explanation())).isascii()


def test_unknown_style():
    with pytest.raises(InputError, match="unknown style 'poem'"):
        as_text(explanation(), "poem")


def test_write_file_replaces_the_old_content_and_keeps_the_usual_mode(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    write_file(path, "new")
    assert path.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask


def test_a_write_that_fails_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(InputError, match="No space left"):
        write_file(path, "new")
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "old"
