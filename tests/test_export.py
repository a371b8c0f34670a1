"""Exporters: everything that is written reads back, with the format's own library or reader, and mistakes are named."""

import importlib.util
import json
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emollm import cli, evidence
from emollm.evidence.openface import OPENFACE_R
from emollm.explanation import Explanation
from emollm.output import bids, boris, eaf, export, parquet, tables, textgrid
from emollm.output.annotations import Recording, from_tiers, label, rows, snap_event, tiers
from emollm.perception.events import events as find_events
from emollm.schema import AU_NAMES, AUS, AUEvent, AUSeries, InputError, au_index

pytestmark = pytest.mark.skipif(not all(map(importlib.util.find_spec, ("pympi", "praatio", "pyarrow"))),
                                reason="the extra 'formats' is not installed")
FEW = ("AU01", "AU12", "AU45")


@st.composite
def some_recordings(draw, units=FEW):
    """One to two faces; movements of a unit do not overlap, as events() finds them, and lie on the grid of ms."""
    faces = {}
    for face in draw(st.sets(st.integers(0, 3), min_size=1, max_size=2)):
        faces[face] = []
        for au in units:
            cuts = sorted(draw(st.sets(st.integers(0, 20_000), max_size=6)))
            for first, last in zip(cuts[::2], cuts[1::2], strict=False):
                apex = draw(st.integers(first, last))
                peak = draw(st.integers(125, 500)) / 100
                side = draw(st.sampled_from(("left", "right", "both")))
                faces[face].append(AUEvent(au, side, first / 1000, apex / 1000, last / 1000, peak))
    return Recording("clips/a b.mp4", faces, duration=20.0, fps=25.0)


def same_movements(a: Recording, b: Recording) -> None:
    assert [(f, e.au, e.side) for f, e in rows(a)] == [(f, e.au, e.side) for f, e in rows(b)]
    for (_, one), (_, two) in zip(rows(a), rows(b), strict=True):
        np.testing.assert_allclose([one.onset, one.apex, one.offset, one.peak], [two.onset, two.apex, two.offset, two.peak],
                                   atol=1e-9)


# --- movements ---------------------------------------------------------------------------------------------------

WRITERS = {"eaf": (".eaf", eaf.text, eaf.read), "textgrid": (".TextGrid", textgrid.text, textgrid.read),
           "bids": (".tsv", bids.text, bids.read),
           "boris": (".boris", lambda r: boris.project([r]), lambda path: boris.read(path)[0]),
           "boris table": (".csv", lambda r: boris.table([r]), lambda path: boris.read(path)[0])}


@pytest.mark.parametrize("kind", WRITERS)
@settings(max_examples=25, deadline=None)
@given(recording=some_recordings())
def test_movements_survive_every_format(tmp_path_factory, kind, recording):
    """Face, unit, side, onset, apex, offset (ms) and strength (.01) come back exactly."""
    suffix, write, read = WRITERS[kind]
    path = tmp_path_factory.mktemp("made") / f"a{suffix}"
    if not rows(recording):
        return
    path.write_text(write(recording), encoding="utf-8")
    same_movements(recording, read(path))


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 1e4), st.floats(0, 1e4), st.floats(0, 1e4), st.floats(0, 5))
def test_any_movement_fits_the_grid(a, b, c, peak):
    onset, apex, offset = sorted((a, b, c))
    event = snap_event(AUEvent("AU12", "both", onset, apex, offset, peak))
    assert onset - 0.0006 <= event.onset <= event.apex <= event.offset
    assert event.offset - event.onset >= 0.0009, "no format can hold an interval of no length"


def test_elan_knows_the_clip_and_has_no_empty_tier(tmp_path):
    from pympi import Elan

    made = Recording("clips/a.mp4", {0: [AUEvent("AU12", "left", 0.4, 0.6, 0.9, 3.1)]})
    (tmp_path / "a.eaf").write_text(eaf.text(made), encoding="utf-8")
    back = Elan.Eaf(str(tmp_path / "a.eaf"))
    assert list(back.get_tier_names()) == ["AU12"]
    assert back.get_annotation_data_for_tier("AU12") == [(400, 900, "left 3.10 apex 0.600")]
    assert back.get_linked_files()[0]["RELATIVE_MEDIA_URL"] == "./a.mp4"
    assert back.get_linked_files()[0]["MIME_TYPE"] == "video/mp4"


def test_a_textgrid_has_the_peaks_and_fills_the_clip(tmp_path):
    from praatio import textgrid as praat

    made = Recording("a.mp4", {1: [AUEvent("AU12", "left", 0.4, 0.6, 0.9, 3.1)]}, duration=2.0)
    (tmp_path / "a.TextGrid").write_text(textgrid.text(made), encoding="utf-8")
    back = praat.openTextgrid(str(tmp_path / "a.TextGrid"), includeEmptyIntervals=True)
    assert back.tierNames == ("face 1 AU12", "face 1 AU12 apex")
    assert [(e.start, e.end) for e in back.tiers[0].entries] == [(0, 0.4), (0.4, 0.9), (0.9, 2.0)]
    assert [tuple(e) for e in back.tiers[1].entries] == [(0.6, "3.10")]
    with pytest.raises(InputError, match="nothing moves in it"):
        textgrid.text(Recording("a.mp4", {0: []}))


def test_movements_of_two_sides_that_overlap_get_two_tiers():
    both = {0: [AUEvent("AU12", "left", 0, 0.5, 1, 2), AUEvent("AU12", "right", 0.5, 0.6, 2, 2)]}
    assert list(tiers(Recording("a", both))) == ["AU12", "AU12 (2)"]
    back = from_tiers("a", [(name, e.onset, e.offset, label(e)) for name, es in tiers(Recording("a", both)).items()
                            for e in es])
    assert sorted(e.side for e in back[0]) == ["left", "right"]


@pytest.mark.parametrize(("tier", "text", "expected"), [
    ("AU12", "", ("AU12", "both", None)), ("au12", "left D", ("AU12", "left", 4.0)), ("12", "R 2.5", ("AU12", "right", 2.5)),
    ("FACS", "L12C", ("AU12", "left", 3.0)), ("codes", "AU4", ("AU04", "both", None)),
    ("AU12", "smile", ("AU12", "both", None))])
def test_files_of_human_coders_are_understood(tier, text, expected):
    (event,) = from_tiers("h.eaf", [(tier, 1.0, 2.0, text), ("words", 0.0, 1.0, "hello there")])[0]
    assert (event.au, event.side, None if np.isnan(event.peak) else event.peak) == expected
    assert (event.onset, event.apex, event.offset) == (1.0, 1.5, 2.0)


def test_several_codes_in_one_interval():
    assert [e.au for e in from_tiers("h", [("FACS", 0, 1, "6C+12D")])[0]] == ["AU06", "AU12"]
    with pytest.raises(InputError, match="no interval names an action unit"):
        from_tiers("h", [("words", 0, 1, "99 hello")])


def test_the_sidecar_explains_every_column():
    made = Recording("clips/a.mp4", {0: [AUEvent("AU12", "left", 0.4, 0.6, 0.9, float("nan"))]})
    described = json.loads(bids.sidecar(made))
    assert set(bids.COLUMNS) <= set(described)
    assert described["trial_type"]["Levels"] == {"AU12": "lip corner puller"}
    assert bids.text(made).splitlines() == ["onset\tduration\ttrial_type\tside\tpeak\tapex\tface_id",
                                            "0.400\t0.500\tAU12\tleft\tn/a\t0.600\t0"]


def test_a_project_has_what_boris_opens():
    made = [Recording("x/a.mp4", {0: [AUEvent("AU12", "left", 0.4, 0.6, 0.9, 3.1)]}, 2.0, 25.0),
            Recording("y/a.mp4", {2: [AUEvent("AU01", "both", 0.1, 0.2, 0.3, 2.0)]}, 2.0, 25.0)]
    stored = json.loads(boris.project(made))
    assert set(stored["observations"]) == {"x/a.mp4", "y/a.mp4"}, "two clips of one name"
    assert stored["observations"]["x/a.mp4"]["events"] == [[0.4, "face 0", "AU12", "left", "left 3.10 apex 0.600"],
                                                           [0.9, "face 0", "AU12", "left", ""]]
    assert [b["code"] for b in stored["behaviors_conf"].values()] == ["AU01", "AU12"]
    assert [s["name"] for s in stored["subjects_conf"].values()] == ["face 0", "face 2"]
    overlapping = Recording("a.mp4", {0: [AUEvent("AU12", "left", 0, 1, 2, 3), AUEvent("AU12", "left", 1, 2, 3, 3)]})
    with pytest.raises(InputError, match="starts again at 1 s before it has ended"):
        boris.project([overlapping])


@pytest.mark.parametrize(("read", "name", "content", "message"), [
    (boris.read, "a.boris", "{", "not a readable BORIS project"), (boris.read, "a.boris", "[]", "not a readable BORIS project"),
    (boris.read, "a.csv", "Subject,Behavior\n", "'Start (s)' is missing"),
    (boris.read, "a.csv", "Subject,Behavior,Start (s),Stop (s)\nx,AU12,2,1\n", "row 2: Start"),
    (bids.read, "a.tsv", "onset\tduration\n", "not a BIDS events table"),
    (bids.read, "a.tsv", "onset\tduration\ttrial_type\n-1\t1\tAU12\n", "row 2, column onset"),
    (bids.read, "a.tsv", "onset\tduration\ttrial_type\nn/a\t1\tAU12\n", "row 2, column onset"),
    (eaf.read, "a.eaf", "<x/>", "not a readable ELAN file"), (eaf.read, "a.eaf", "no", "not a readable ELAN file"),
    (textgrid.read, "a.TextGrid", "no", "not a readable TextGrid")])
def test_broken_annotation_files_are_named(tmp_path, read, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError) as caught:
        read(tmp_path / name)
    assert message in str(caught.value)
    assert name in str(caught.value)


def test_a_state_that_does_not_end_is_named(tmp_path):
    stored = json.loads(boris.project([Recording("a.mp4", {0: [AUEvent("AU12", "left", 0.4, 0.6, 0.9, 3.1)]})]))
    del stored["observations"]["a"]["events"][1]
    (tmp_path / "a.boris").write_text(json.dumps(stored))
    with pytest.raises(InputError, match=r"AU12 of face 0 in 'a' starts at 0.4 s and does not end"):
        boris.read(tmp_path / "a.boris")


@pytest.mark.parametrize(("module", "write"), [("pympi", eaf.text), ("praatio", textgrid.text)])
def test_a_missing_library_names_the_extra(monkeypatch, module, write):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=r"pip install 'emollm\[formats\]'"):
        write(Recording("a.mp4", {0: [AUEvent("AU12", "left", 0.4, 0.6, 0.9, 3.1)]}))


# --- units over time ---------------------------------------------------------------------------------------------

@st.composite
def some_series(draw, sided=True):
    frames, seed = draw(st.integers(2, 40)), draw(st.integers(0, 10_000))
    hidden = draw(st.sets(st.integers(0, len(AUS) - 1), max_size=10))
    rng = np.random.default_rng(seed)
    intensity = rng.uniform(0, 5, (frames, len(AUS), 2)).round(2)
    intensity[rng.random((frames, len(AUS))) < 0.1] = np.nan
    if not sided:
        intensity[..., 1] = intensity[..., 0]
    measured = np.array([k not in hidden for k in range(len(AUS))])
    intensity[:, ~measured] = np.nan
    confidence = np.where(np.isfinite(intensity).any(2), 0.8, 0.0)
    return AUSeries(np.arange(frames) / 25, intensity, confidence, measured, "test", face_id=draw(st.integers(0, 2)))


def read_back(tmp_path_factory, text: str) -> AUSeries:
    path = tmp_path_factory.mktemp("made") / "a.csv"
    path.write_text(text, encoding="utf-8")
    return evidence.read(path)


def whole(series: AUSeries) -> np.ndarray:
    """The stronger side [T, 24], AU26 as the jaw drop that AU26 and AU27 make, AU43 and AU45 as any closing of the eyes."""
    levels = np.fmax(*np.moveaxis(series.intensity, 2, 0))
    dropped, stretched, closed, blink = (levels[:, au_index(n)].copy() for n in (26, 27, 43, 45))
    levels[:, au_index(26)] = [np.fmax(d, 2.5 + s / 2) if s >= 1 else d for d, s in zip(dropped, stretched, strict=True)]
    levels[:, au_index(43)] = levels[:, au_index(45)] = np.fmax(closed, blink)
    return levels


@settings(max_examples=25, deadline=None)
@given(some_series())
def test_py_feat_tables_hold_the_stronger_side_up_to_present(tmp_path_factory, series):
    back = read_back(tmp_path_factory, tables.csv_text([series], "fex", "a.mp4"))
    for number in tables.FEX_AUS:
        k = au_index(number)
        expected = np.minimum(whole(series)[:, k], evidence.PRESENT)
        np.testing.assert_allclose(back.intensity[:, k, 0], expected, atol=3e-4)
    if len(series.times) > 25:
        np.testing.assert_allclose(back.times, series.times, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(some_series())
def test_openface_tables_hold_the_stronger_side(tmp_path_factory, series):
    back = read_back(tmp_path_factory, evidence.csv_text([series], "openface"))
    seen = np.isfinite(series.intensity[:, series.measured]).any((1, 2))
    for number in OPENFACE_R:
        k = au_index(number)
        expected = np.where(seen, whole(series)[:, k], np.nan)
        np.testing.assert_allclose(back.intensity[:, k, 0], expected, atol=6e-3)
    np.testing.assert_allclose(back.times, series.times, atol=1e-3)


@settings(max_examples=25, deadline=None)
@given(some_series())
def test_json_and_parquet_hold_all_that_is_measured(tmp_path_factory, series):
    folder = tmp_path_factory.mktemp("made")
    evidence.write_json(folder / "a.json", [series])
    (folder / "a.parquet").write_bytes(parquet.content([Recording("a.mp4", {}, series=[series])]))
    for name in ("a.json", "a.parquet"):
        (back,) = evidence.read_all(folder / name)
        np.testing.assert_array_equal(back.measured, series.measured)
        np.testing.assert_allclose(back.intensity, series.intensity, atol=1e-4)
        np.testing.assert_allclose(back.times, series.times, atol=1e-4)
        assert back.face_id == series.face_id


@settings(max_examples=25, deadline=None)
@given(some_series())
def test_libreface_tables_hold_the_stronger_side(tmp_path_factory, series):
    back = read_back(tmp_path_factory, tables.csv_text([series], "libreface"))
    np.testing.assert_allclose(back.times, series.times, atol=1e-5)
    for number in tables.LIBREFACE_INTENSITY:
        k = au_index(number)
        np.testing.assert_allclose(back.intensity[:, k, 0], whole(series)[:, k], atol=1e-4)
    only_presence = np.fmax(*series.intensity[:, au_index(14)].T)
    np.testing.assert_array_equal(back.intensity[:, au_index(14), 0],
                                  np.where(np.isnan(only_presence), np.nan, evidence.PRESENT * (only_presence >= 1.25)))


@settings(max_examples=25, deadline=None)
@given(some_series())
def test_arkit_tables_hold_every_unit_that_has_a_shape(tmp_path_factory, series):
    """Both sides of the units with a shape a side, the stronger side of those with one; AU26 where the jaw is not stretched;
    and a second round changes nothing."""
    text = tables.csv_text([series], "arkit")
    back = read_back(tmp_path_factory, text)
    assert back.face_id == series.face_id
    for number, names in evidence.BLENDSHAPES.items():
        k = au_index(number)
        if number in (26, 45):
            continue
        level = series.intensity[:, k] if "*" in names[0] else np.fmax(*series.intensity[:, k].T)[:, None].repeat(2, 1)
        np.testing.assert_allclose(back.intensity[:, k], level, atol=6e-4, err_msg=str(number))
    closed = np.fmax(series.intensity[:, au_index(45)], series.intensity[:, au_index(43)])
    np.testing.assert_allclose(back.intensity[:, au_index(45)], closed, atol=6e-4)
    assert len(text.splitlines()[0].split(",")) == 54
    again = read_back(tmp_path_factory, tables.csv_text([back], "arkit"))
    np.testing.assert_allclose(again.intensity, back.intensity, atol=2e-3)


def test_parted_lips_and_an_open_jaw_come_back_from_arkit(tmp_path_factory, photo_of):
    for lips, jaw, stretch in ((2, 3, 0), (4, 1, 0), (3, 0, 0), (0, 2, 0), ((1, 4), 2, 0), (5, 5, 3)):
        made = photo_of({"AU25": lips, "AU26": jaw, "AU27": stretch})
        back = read_back(tmp_path_factory, tables.csv_text([made], "arkit"))
        np.testing.assert_allclose(back.intensity[0, au_index(25)], made.intensity[0, au_index(25)], atol=1e-3)
        np.testing.assert_allclose(back.intensity[0, au_index(26), 0], jaw, atol=1e-3)


def test_a_trace_of_au27_does_not_open_a_jaw(tmp_path_factory, photo_of):
    """Most resting faces have some: it says that AU27 is absent, not that the jaw is half open."""
    rest = photo_of({"AU25": 0, "AU26": 0, "AU27": 0.2})
    assert read_back(tmp_path_factory, tables.csv_text([rest], "arkit")).intensity[0, au_index(26), 0] == 0
    gape = photo_of({"AU25": 3, "AU26": 0, "AU27": 3})
    back = read_back(tmp_path_factory, tables.csv_text([gape], "arkit")).intensity[0]
    np.testing.assert_allclose(back[[au_index(25), au_index(26), au_index(27)], 0], [3, 4, 3], atol=1e-3)


@settings(max_examples=20, deadline=None)
@given(some_series())
def test_parquet_is_tidy_and_whole(series):
    import io

    from pyarrow import parquet as reader

    stored = reader.read_table(io.BytesIO(parquet.content([Recording("a.mp4", {}, series=[series])]))).to_pydict()
    kept = np.flatnonzero(series.measured)
    shape = (len(series.times), len(kept), 2)
    assert len(stored["au"]) == np.prod(shape)
    back = np.array([np.nan if v is None else v for v in stored["intensity"]]).reshape(shape)
    np.testing.assert_allclose(back, series.intensity[:, kept], atol=1e-6)
    np.testing.assert_allclose(np.array(stored["timestamp"]).reshape(shape)[:, 0, 0], series.times)
    assert [stored["au"][k] for k in range(0, 2 * len(kept), 2)] == [AU_NAMES[k] for k in kept]
    assert stored["side"][:2] == ["left", "right"]
    assert set(stored["face_id"]) == {series.face_id}


# --- sources and the command -------------------------------------------------------------------------------------

@pytest.fixture
def smile(clip_of) -> AUSeries:
    return clip_of({"AU12": (1.0, 1.5, 2.5, 3.0, 1.0)})[0]


def explanation_of(series: AUSeries, source: str) -> Explanation:
    return Explanation(face_id=series.face_id, evidence=series.to_dict(), events=find_events(series), source=source)


def test_a_table_is_exported_with_its_movements(tmp_path, smile):
    evidence.write_csv(tmp_path / "a.csv", [smile])
    for layout in ("boris", "eaf", "textgrid", "bids", "fex", "arkit", "parquet", "openface", "libreface"):
        out = tmp_path / f"out{export.SUFFIX[layout]}"
        assert cli.main(["export", str(tmp_path / "a.csv"), "--to", layout, "-o", str(out), "--media", "clip.mp4"]) == 0
        assert out.stat().st_size > 0
    back = bids.read(tmp_path / "out_events.tsv")
    (event,) = back.faces[0]
    expected = snap_event(find_events(smile)[0])
    assert (event.au, event.side, event.apex) == ("AU12", "left", expected.apex)
    assert json.loads((tmp_path / "out_events.json").read_text())["Sources"] == ["clip.mp4"]


def test_explanations_keep_the_movements_that_were_explained(tmp_path, smile):
    told = explanation_of(smile, "clip.mp4")
    told.events = [AUEvent("AU12", "left", 1.0, 1.5, 2.0, 2.5)]
    (tmp_path / "a.json").write_text(json.dumps([told.to_dict()]))
    (found,) = export.recordings(str(tmp_path / "a.json"), lambda _: [])
    assert (found.media, found.faces) == ("clip.mp4", {0: told.events})


def test_captions_of_many_clips_become_a_file_each_or_one_project(tmp_path, smile):
    lines = [{"custom_id": n, "response": {"body": {"emollm": [explanation_of(smile, f"{n}.mp4").to_dict()]}}, "error": None}
             for n in ("a", "b")]
    lines += [{"custom_id": "c", "response": None, "error": {"code": "no_face", "message": "no face"}}]
    source = tmp_path / "captions.jsonl"
    source.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert cli.main(["export", str(source), "--to", "eaf", "-o", str(tmp_path)]) == 0
    assert sorted(p.name for p in tmp_path.glob("*.eaf")) == ["a.eaf", "b.eaf"]
    assert cli.main(["export", str(source), "--to", "boris", "-o", str(tmp_path / "all.boris")]) == 0
    assert [r.media for r in boris.read(tmp_path / "all.boris")] == ["a.mp4", "b.mp4"]


def test_a_clip_is_measured_first(astronaut_clip, tmp_path):
    assert cli.main(["export", str(astronaut_clip), "--to", "bids", "-o", str(tmp_path / "a_events.tsv")]) == 0
    found = bids.read(tmp_path / "a_events.tsv")
    assert any(e.au == "AU12" and 0.7 <= e.apex <= 1.5 for e in found.faces[0])


@pytest.mark.parametrize(("content", "name", "arguments", "code", "message"), [
    ("{", "a.json", ["--to", "eaf", "-o", "a.eaf"], 2, "not JSON"),
    ("[1]\n", "a.jsonl", ["--to", "eaf", "-o", "a.eaf"], 2, "line 1: neither a caption nor an explanation"),
    ('{"claims": [], "x": 1}', "a.json", ["--to", "eaf", "-o", "a.eaf"], 2, "schema version"),
    ("", "a.jsonl", ["--to", "eaf", "-o", "a.eaf"], 3, "no face was measured"),
    ("6C+12D", "a.txt", ["--to", "eaf", "-o", "a.eaf"], 2, "a photo has no movements in time"),
    ("6C+12D", "a.txt", ["--to", "eaf", "-o", "a.xml"], 2, "eaf files end in .eaf"),
    ("6C+12D", "a.txt", ["--to", "bids", "-o", "a.tsv"], 2, "bids files end in _events.tsv"),
    ("6C+12D", "a.txt", ["--to", "fex", "-o", "no/a.csv"], 2, "there is no such folder")])
def test_mistakes_are_named(tmp_path, monkeypatch, capsys, content, name, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(content)
    assert cli.main(["export", name, *arguments]) == code
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_several_clips_do_not_go_into_one_file(smile):
    many = [export.recording(n, [smile]) for n in ("a.mp4", "b.mp4")]
    with pytest.raises(InputError, match="2 clips do not fit into one eaf file"):
        export.files(many, "eaf", "x.eaf")
