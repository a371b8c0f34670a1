"""What is derived from finished lines: summary table, measurements, subtitles and the report."""

import base64
import csv
import html.parser
import io
import re
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from emollm import cli, evidence
from emollm.caption.incoming.sources import read_inputs
from emollm.caption.outgoing import outputs, page, subtitles, summary
from emollm.caption.outgoing.thumbs import Thumbnails
from emollm.caption.run.log import Log
from emollm.caption.run.settings import settings_of
from emollm.explanation import DISCLOSURE, Explanation
from emollm.schema import AU_NAMES, AUEvent, AUSeries, Claim
from emollm.subject import AS_IT_IS

FEELINGS = re.compile(r"\b(feels?|feeling|really|truly|is (angry|sad|happy|afraid)|hiding|truth)\b", re.IGNORECASE)


@pytest.fixture(scope="module")
def media(astronaut, astronaut_file, two_faces_file, astronaut_clip, tmp_path_factory):
    folder = tmp_path_factory.mktemp("media")
    for source in (astronaut_file, two_faces_file, astronaut_clip):
        shutil.copy(source, folder)
    Image.fromarray(np.full((90, 120, 3), 120, np.uint8)).save(folder / "<script>&.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing more")
    return folder


@pytest.fixture(scope="module")
def derived(media, tmp_path_factory):
    """Everything that one run with the shipped model derives."""
    folder = tmp_path_factory.mktemp("derived")
    assert cli.main(["caption", str(media), "-o", str(folder / "out.jsonl"), "--csv", str(folder / "out.csv"), "--measurements",
                     str(folder / "measured"), "--srt", str(folder / "srt"), "--vtt", str(folder / "vtt"), "--report",
                     str(folder / "out.html"), "--progress", "none", "--workers", "1"]) == 0
    return folder


def series_of(levels: dict, times=(0.0, 0.5, 1.0)) -> AUSeries:
    """levels: {"AU12": one value a time, or pairs (left, right)}; other units are not measured."""
    intensity, measured = np.zeros((len(times), 24, 2)), np.zeros(24, bool)
    for au, values in levels.items():
        intensity[:, AU_NAMES.index(au)] = np.array(values, float).reshape(len(times), -1)
        measured[AU_NAMES.index(au)] = True
    return AUSeries(np.array(times), intensity, np.ones((len(times), 24)), measured, "test")


def rows_of(text: str) -> list[dict]:
    return list(csv.DictReader(io.StringIO(summary.header() + text)))


# --- tables ------------------------------------------------------------------------------------------------------

def test_a_summary_row_holds_the_figures_of_every_unit():
    evidence_of = series_of({"AU12": [(0, 1), (3, 2), (np.nan, np.nan)], "AU04": [0, 0, 0]}).to_dict()
    explanation = Explanation(evidence=evidence_of, label="happiness", confidence=0.5, source="a.mp4", alternatives=["fear"])
    (row,) = rows_of(summary.rows("a,\nb", [explanation]))
    assert (row["custom_id"], row["success"], row["label"]) == ("a,\nb", "1", "happiness")
    assert (row["frames"], row["seconds"]) == ("3", "1.000")
    assert [float(row[f"AU12_{k}"]) for k in summary.PARTS] == pytest.approx([2.0, np.std([1, 3], ddof=1), 3.0, 50.0], abs=1e-4)
    assert [float(row[f"AU04_{k}"]) for k in summary.PARTS] == [0, 0, 0, 0]
    assert [row[f"AU06_{k}"] for k in summary.PARTS] == [""] * 4  # not measured is not 0


def test_an_edited_unit_is_no_measurement():
    explanation = Explanation(evidence=series_of({"AU12": [1, 1, 1], "AU04": [5, 5, 5]}).to_dict(), edits={"AU04": 5.0})
    (row,) = rows_of(summary.rows("a", [explanation]))
    assert (row["AU04_mean"], row["AU12_mean"], row["what_if"]) == ("", "1.0000", "AU04=5")
    assert "AU04_left" not in summary.measurement_csv([explanation])


def test_failures_are_rows_without_success():
    nothing = Explanation(source="a.jpg", notices=["a.jpg: no face"])
    rows = rows_of(summary.rows("a", [nothing]) + summary.error_row("b", "media_undecodable"))
    assert [(r["custom_id"], r["success"], r["error"]) for r in rows] == [
        ("a", "0", "no face measured"), ("b", "0", "media_undecodable")]
    assert len(rows[1]) == len(summary.COLUMNS) and None not in rows[1]


def test_the_table_has_one_row_a_face(derived):
    with open(derived / "out.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [(r["custom_id"].rsplit("/", 1)[1], r["face_id"], r["success"]) for r in rows] == [
        ("<script>&.png", "", "0"), ("astronaut.mp4", "0", "1"), ("astronaut.png", "0", "1"), ("broken.jpg", "", "0"),
        ("two_faces.png", "0", "1"), ("two_faces.png", "1", "1")]


@pytest.mark.parametrize("name, baseline", [("astronaut.mp4", "clip"), ("two_faces.png", "none")])
def test_measurements_are_those_of_the_measure_command(media, derived, tmp_path, name, baseline):
    assert cli.main(["measure", str(media / name), "-o", str(tmp_path / "m.csv"), "--baseline", baseline]) == 0
    written = derived / "measured" / f"{Path(name).stem}.csv"
    expected, found = (list(csv.DictReader(io.StringIO(p.read_text()))) for p in (tmp_path / "m.csv", written))
    assert len(found) == len(expected) > 0
    for one, other in zip(found, expected, strict=True):
        assert float(one.pop("confidence")) == pytest.approx(float(other.pop("confidence")), abs=2e-4)
        assert one == other
    assert len(evidence.read_all(written)) == len({row["face_id"] for row in expected})


def test_frame_numbers_follow_the_times():
    for numbers in ([0], [0, 1, 2, 3], [50, 51, 52, 53], [0, 1, 2, 7, 8, 9]):
        assert summary.frame_numbers(np.array(numbers) / 29.97).tolist() == numbers


def names_of(*custom_ids: str) -> list[str]:
    names = outputs.FileNames()
    return [names.take(custom_id) for custom_id in custom_ids]


def test_files_are_named_after_the_clip():
    """Players look for `two words.srt` beside `two words.mp4`."""
    assert names_of("a/clip.mp4", "two words.MOV", "Gefühl 笑顔.png", "asked (1), v2.5", "noon.jpeg.mp4") == [
        "clip", "two words", "Gefühl 笑顔", "asked (1), v2.5", "noon.jpeg"]


def test_only_a_name_that_is_taken_gets_a_suffix():
    names = names_of("a/clip.mp4", "b/clip.mp4", "b/CLIP.mov", "clip-34b0ee0d.mp4", "other.mp4")
    assert names[0] == "clip" and names[4] == "other" and len({name.lower() for name in names}) == 5
    assert all(re.fullmatch(r"clip-[0-9a-f]{8}", name.lower()) for name in names[1:3])
    assert names == names_of("a/clip.mp4", "b/clip.mp4", "b/CLIP.mov", "clip-34b0ee0d.mp4", "other.mp4")


def test_a_custom_id_made_to_take_a_name_takes_no_file_of_another():
    suffixed = names_of("a/clip.mp4", "b/clip.mp4")[1]
    names = names_of("a/clip.mp4", suffixed, "b/clip.mp4")
    assert names[:2] == ["clip", suffixed] and names[2].startswith(suffixed) and len(names[2]) == len("clip-") + 64


def test_file_names_are_safe_and_differ():
    ids = ["a.mp4", "a/b.mp4", "b.mp4", "../../etc/passwd", "line\nbreak", "x" * 300, "笑" * 300, ".hidden", "..", "/",
           "a\\b:c?.mp4", "null\0", "line\u2028break", "ends with a dot."]
    names = names_of(*ids)
    assert names[0] == "a" and len({name.lower() for name in names}) == len(ids)
    for name in names:
        assert name and not re.search(r'[\x00-\x1f<>:"/\\|?*\u2028]', name) and name.strip(" .") == name
        assert len(name.encode()) < 200


# --- subtitles ---------------------------------------------------------------------------------------------------

def clip(*events: AUEvent, seconds: float = 10.0, **other) -> Explanation:
    times = np.arange(0, seconds, 0.1)
    series = series_of({"AU12": np.zeros(len(times))}, times)
    return Explanation(evidence=series.to_dict(), events=list(events), **{"label": "happiness", "confidence": 0.6,
                       "distribution": {"happiness": 0.6, "surprise": 0.4}, **other})


def test_cues_say_what_moves_and_end_with_the_reading():
    found = subtitles.cues([clip(AUEvent("AU12", "left", 1.0, 2.0, 4.0, 3.1), AUEvent("AU04", "both", 3.0, 3.2, 6.0, 2.0))])
    assert [(c.start, c.end, len(c.lines)) for c in found[:3]] == [(1.0, 3.0, 1), (3.0, 4.0, 2), (4.0, 6.0, 1)]
    assert "AU12 lip corner puller, left side, marked 3.1" in found[0].lines[0] and "AU04" in found[2].lines[0]
    assert found[-1].start == pytest.approx(7.0) and found[-1].end == pytest.approx(10.0)
    assert found[-1].lines[0] == "commonly read as happiness (confidence 0.60); could also be read as surprise"


def test_many_short_movements_do_not_pile_up():
    events = [AUEvent(AU_NAMES[k % 20], "both", 0.1 * k, 0.1 * k + 0.1, 0.1 * k + 0.3, 2.0) for k in range(60)]
    found = subtitles.cues([clip(*events)])[:-1]
    assert all(len(c.lines) <= subtitles.MOST + 1 for c in found)
    assert all(a.end <= b.start for a, b in pairwise(found))
    assert all(c.end - c.start >= subtitles.SHORTEST - 1e-9 for c in found[:-1])
    assert max(c.end - c.start for c in found) < 3 * subtitles.SHORTEST


moments = st.integers(0, 100).map(lambda tenths: tenths / 10)
movements = st.builds(lambda au, side, a, b, c, peak: AUEvent(au, side, *sorted((a, b, c)), peak), st.sampled_from(AU_NAMES),
                      st.sampled_from(("left", "right", "both")), moments, moments, moments, st.floats(1, 5))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(movements, max_size=12), min_size=1, max_size=3))
def test_one_cue_at_any_moment_and_every_movement_in_one(faces):
    """Whatever moves in however many faces, up to the very end: nothing stacks, nothing is left out but for being many."""
    found = subtitles.cues([clip(*events, face_id=k) for k, events in enumerate(faces)])
    assert all(a.start < a.end <= b.start < b.end for a, b in pairwise(found))
    assert all(c.start >= 0 and len(c.lines) <= subtitles.MOST + 1 + len(faces) + 1 for c in found)
    alone = [c for c in found if c.end - c.start < subtitles.SHORTEST - 1e-9]
    assert not any(a.end == b.start for a, b in pairwise(found) if a in alone or b in alone)
    for k, event in ((k, e) for k, events in enumerate(faces) for e in events if e.offset > e.onset):
        shown = [c for c in found if c.start <= event.onset and event.offset <= c.end] or [
            c for c in found if c.start < event.offset and c.end > event.onset]
        who = f"face {k}: " if len(faces) > 1 else ""
        assert all(any(line.startswith(who) and event.au in line for line in c.lines) or
                   any(line.endswith(" more") for line in c.lines) for c in shown)
    assert found[-1].lines[-1] == DISCLOSURE and found[-1].end == pytest.approx(10.0)


def test_a_movement_over_the_end_shares_the_cue_of_the_reading():
    found = subtitles.cues([clip(AUEvent("AU12", "both", 6.0, 7.0, 8.5, 3.0))])
    assert [(c.start, c.end, len(c.lines)) for c in found] == [
        (6.0, pytest.approx(7.0), 1), (pytest.approx(7.0), 8.5, 3), (8.5, pytest.approx(10.0), 2)]
    assert "AU12" in found[1].lines[0] and found[1].lines[1].startswith("commonly read as happiness")


def test_every_face_is_named_when_there_are_several():
    found = subtitles.cues([clip(AUEvent("AU12", "both", 1, 2, 3, 2.0)), clip(face_id=1, label=None, notices=["too small"])])
    assert all(c.lines[0].startswith("face ") for c in found) and any("face 1: too small" in c.lines for c in found)


def test_photos_and_faces_that_were_not_found_have_no_cues():
    photo = Explanation(evidence=series_of({"AU12": [1]}, (0.0,)).to_dict())
    assert subtitles.cues([photo]) == subtitles.cues([Explanation(notices=["no face"])]) == []


def test_subtitle_files_are_well_formed(derived):
    (srt,), (vtt,) = list((derived / "srt").iterdir()), list((derived / "vtt").iterdir())
    assert (srt.name, vtt.name) == ("astronaut.srt", "astronaut.vtt")  # photos have none
    blocks = srt.read_text().strip().split("\n\n")
    stamp = r"\d\d:[0-5]\d:[0-5]\d"
    for number, block in enumerate(blocks, 1):
        head, times, *words = block.split("\n")
        assert head == str(number) and words and re.fullmatch(rf"{stamp},\d{{3}} --> {stamp},\d{{3}}", times)
        start, end = times.split(" --> ")
        assert start < end <= "00:00:02,000"
    times = re.findall(rf"({stamp},\d{{3}}) --> ({stamp},\d{{3}})", srt.read_text())
    assert all(before[1] <= after[0] for before, after in pairwise(times))
    text = vtt.read_text()
    assert text.startswith("WEBVTT\n\n") and text.count("-->") == len(blocks) >= 2
    assert "AU12" in text and "commonly read as" in text and not FEELINGS.search(text.replace("what anybody feels", ""))


def test_the_time_stamp_counts_hours():
    assert subtitles.stamp(3725.0625, ".") == "01:02:05.062"


# --- report ------------------------------------------------------------------------------------------------------

class PageReader(html.parser.HTMLParser):
    """Tags with their attributes, and whether every tag is closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.stack, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br"):
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def test_the_report_is_self_contained_and_safe(derived):
    text = (derived / "out.html").read_text()
    read = PageReader(text)
    assert not read.stack
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in read.tags}
    links = [v for _, attrs in read.tags for k, v in attrs.items() if k in ("src", "href")]
    assert len(links) == 4 and all(link.startswith("data:image/jpeg;base64,") for link in links)  # one a measured face
    for link in links:
        picture = Image.open(io.BytesIO(base64.b64decode(link.split(",", 1)[1])))
        assert picture.format == "JPEG" and min(picture.size) > 40
    assert "://" not in text and "&lt;script&gt;&amp;.png" in text


def test_the_report_tells_movement_reading_and_errors(derived):
    read = PageReader((derived / "out.html").read_text())
    words = " ".join(read.words)
    assert words.index("AU12 lip corner puller") < words.index("Commonly read as")
    for part in ("no face could be measured", "media_undecodable", "5 items", "1 of them"):
        assert part in words, part
    assert not FEELINGS.search(words.replace("what anybody feels", ""))
    assert [tag for tag, _ in read.tags].count("svg") == 1  # the clip


def test_a_timeline_places_movements_in_time():
    svg = page.timeline(clip(AUEvent("AU12", "both", 2.475, 4.95, 7.425, 3.0), AUEvent("AU04", "both", 0.0, 0.1, 0.3, 2.0)))
    bars = [(float(x), float(w)) for x, w in re.findall(r'<rect x="([\d.]+)" y="\d+" width="([\d.]+)" height="11"', svg)]
    assert bars[0] == (pytest.approx(page.LEFT + page.WIDTH / 4, abs=0.1), pytest.approx(page.WIDTH / 2, abs=0.1))
    assert svg.index(">AU04<") < svg.index(">AU12<") and "micro-movement" in svg
    assert page.timeline(Explanation(evidence=series_of({"AU12": [1]}, (0.0,)).to_dict())) == ""


def test_what_prose_repeats_is_listed_once():
    said = [Claim("x", (0, 1), "AU12", intensity=3.0, level="marked", verdict="supported"),
            Claim("y", (2, 3), "AU12", verdict="supported"), Claim("z", (4, 5), "AU04", polarity="absent", verdict="supported")]
    text = page.section("a", [Explanation(claims=said, label="happiness", evidence={"times": [0.0]})], [])
    assert text.count("AU12 lip corner puller") == 1 and "AU04 brow lowerer, absent" in text


def test_a_changed_file_gets_no_thumbnail(media, tmp_path, astronaut):
    """A report must not show another face beside an explanation."""
    photo, output, report = (str(tmp_path / name) for name in ("a.png", "out.jsonl", "out.html"))
    shutil.copy(media / "astronaut.png", photo)
    assert cli.main(["caption", photo, "-o", output, "--report", report, "--progress", "none", "--workers", "1"]) == 0
    assert "<img" in Path(report).read_text()
    Image.fromarray(astronaut[::-1]).save(photo)
    with Log(output, settings_of("pocket", True, None, (), AS_IT_IS)) as log:
        outputs.derive(outputs.WantedFiles(report=report), log, read_inputs([photo]))
    assert "<img" not in Path(report).read_text() and "AU12" in Path(report).read_text()


def test_a_file_that_crashes_its_decoder_costs_one_thumbnail(media):
    photo = media / "astronaut.png"
    with Thumbnails() as thumbnails:
        sha256, (picture,) = thumbnails.make_all(str(photo), [(0.0, [])])
        assert len(sha256) == 64 and picture.startswith("data:image/jpeg")
        assert thumbnails.make_all(str(media / "broken.jpg"), [(0.0, [])]) == ("", [])
        thumbnails.process.kill()
        assert thumbnails.make_all(str(photo), [(0.0, [])]) == ("", [])
        assert thumbnails.make_all(photo.read_bytes(), [(0.0, [])]) == (sha256, [picture])
