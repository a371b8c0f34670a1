"""The annotated picture: what is drawn where, at every picture size, and files written whole."""

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from emollm.explanation import Explanation
from emollm.output import moments, regions, render
from emollm.schema import AUEvent, AUSeries, Claim, InputError


def square(x, y, size):
    return [[x, y], [x + size, y], [x + size, y + size], [x, y + size]]


def explanation(box=(40, 40, 160, 180), aus=("AU12", "AU06"), **changes):
    claims = [Claim(text=au, span=(0, 4), au=au, level="marked", intensity=4 - k, measured_intensity=3.0,
                    region=square(60 + 3 * k, 70 + 3 * k, 60), verdict="supported", frame_time=0.5 * k)
              for k, au in enumerate(aus)]
    values = {"label": "happiness", "confidence": 0.8, "distribution": {"happiness": 0.8, "neutral": 0.2},
              "claims": claims, "box": list(box), "evidence": {}, "key_frames": [0.25]}
    return Explanation(**values | changes)


def grey(width=200, height=200):
    return np.full((height, width, 3), 128, np.uint8)


@pytest.mark.parametrize("size", [(48, 48), (200, 200), (1, 1), (64, 640), (3000, 2000)])
def test_every_picture_size_gives_a_readable_picture(size):
    width, height = size
    drawn = render.annotate(grey(width, height), explanation(box=(0, 0, width, height)))
    assert drawn.mode == "RGB"
    assert max(drawn.size) >= render.MIN_VIEW
    assert drawn.width <= 2.2 * render.MAX_VIEW


def test_a_region_is_drawn_where_it_lies():
    """The pixel in the middle of a region takes the colour of its action unit; one outside everything stays grey."""
    view = explanation(box=(0, 0, 200, 200), aus=("AU12",))
    drawn = render.annotate(grey(), view)
    scale = render.MIN_VIEW / 200
    inside = drawn.getpixel((int(90 * scale), int(100 * scale)))
    outside = drawn.getpixel((int(90 * scale), int(180 * scale)))
    assert outside == (128, 128, 128)
    assert (inside[0] > 140, inside[2] < 120) == (True, True), "tinted with the orange of the first action unit"


def test_half_pixel_edges():
    """Landmarks have integer pixel centres: the region of exactly one pixel covers that pixel after enlarging."""
    view = explanation(box=(0, 0, 10, 10), aus=("AU12",))
    view.claims[0].region = square(3.5, 5.5, 1)  # pixel (4, 6)
    drawn = np.asarray(render.annotate(grey(10, 10), view)).astype(int)
    scale = render.MIN_VIEW / 10
    # A tag may lie anywhere, so only the middle of the pixel and of two neighbours are looked at.
    centre = drawn[int(6.5 * scale), int(4.5 * scale)]
    assert abs(centre - 128).max() > 10
    assert abs(drawn[int(8.5 * scale), int(4.5 * scale)] - 128).max() <= 1


def test_a_small_face_is_enlarged():
    """A face of 2 % of the picture fills a good part of the view, and the whole picture is still shown."""
    picture = grey(1000, 1000)
    picture[480:520, 480:520] = (200, 30, 30)
    drawn = np.asarray(render.annotate(picture, explanation(box=(480, 480, 520, 520), claims=[]))).astype(int)
    red = (drawn[..., 0] > 150) & (drawn[..., 1] < 60)
    assert red[:, :render.MIN_VIEW].mean() > 0.1
    assert red[:, render.MIN_VIEW:].any()


def test_tags_never_cover_each_other():
    """Ten regions on one spot."""
    points = {f"AU{n:02d}": [(300.0, 300.0), (310.0, 305.0), (305.0, 312.0)] for n in range(10)}
    placed = []
    for leftward in (True, False):
        for anchor in points.values():
            placed.append(regions._place((800, 800), (0, 0, 40, 12), anchor[0], leftward=leftward,
                                        face=[250, 250, 400, 400], placed=placed, unit=16))
    for k, a in enumerate(placed):
        assert a[0] >= 0 <= a[1]
        assert a[2] <= 800 >= a[3]
        for b in placed[k + 1:]:
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def test_no_tag_lies_where_the_moment_is_written():
    """A chin low on the left, beside the lower left corner."""
    chin = {"AU17": [(120.0, 385.0), (140.0, 380.0), (130.0, 395.0)]}
    drawn = []
    for taken in (None, regions.moment_box((400, 400), "3.37 s   now read as anger", 16)):
        image = Image.new("RGB", (400, 400), "white")
        regions.draw_tags(image, chin, {"AU17": "#E69F00"}, 16, [110, 100, 300, 395], taken)
        drawn.append((np.asarray(image)[368:, :200] == (0xE6, 0x9F, 0x00)).all(2).sum())
    assert drawn[0] > 300 and drawn[1] < drawn[0] / 3, "its tag moves up, its point stays"


def test_no_face_and_nothing_cited_still_draw():
    empty = Explanation(notices=["photo.jpg: no face was found."])
    assert max(render.annotate(grey(), empty).size) >= render.MIN_VIEW
    assert max(render.annotate(grey(), explanation(claims=[])).size) >= render.MIN_VIEW


def test_movements_said_to_be_absent_are_listed_but_not_drawn():
    present, absent = explanation(aus=("AU12",)), explanation(aus=("AU12",))
    absent.claims[0].polarity = "absent"
    bare = explanation(claims=[])
    view = slice(0, render.MIN_VIEW)
    assert (np.asarray(render.annotate(grey(), absent))[view, view]
            == np.asarray(render.annotate(grey(), bare))[view, view]).all()
    assert (np.asarray(render.annotate(grey(), present))[view, view]
            != np.asarray(render.annotate(grey(), bare))[view, view]).any()


def test_verdicts_are_told_by_shape():
    """Two verdicts must differ even for somebody who sees no colours."""
    pictures = []
    for verdict in ("supported", "contradicted", "unsure", "unmeasured"):
        view = explanation(aus=("AU12",))
        view.claims[0].verdict, view.claims[0].region = verdict, []
        pictures.append(np.asarray(render.annotate(grey(), view).convert("L")) > 90)
    for k, a in enumerate(pictures):
        for b in pictures[k + 1:]:
            assert (a != b).sum() > 20


def test_the_strongest_movement_chooses_the_moment():
    view = explanation(aus=("AU06", "AU12", "AU25"))
    view.claims[2].intensity = 5.0
    assert render.key_time(view) == 1.0
    assert render.key_time(explanation(claims=[])) == 0.25
    assert render.key_time(Explanation()) == 0.0


def clip(times, **changes):
    """An explanation of a clip whose movements are strongest at these moments, the face further right at each."""
    evidence = AUSeries(np.arange(10) / 2, np.zeros((10, 24, 2)), np.ones((10, 24)), np.ones(24, bool), "test").to_dict()
    found = explanation(aus=[f"AU{n:02d}" for n in (12, 6, 1, 2, 4, 5, 7)[:len(times)]], evidence=evidence, **changes)
    for k, (claim, time) in enumerate(zip(found.claims, times, strict=True)):
        claim.frame_time, claim.box = time, [40.0 + k, 40.0, 160.0 + k, 180.0]
    return found


def test_of_a_clip_only_what_belongs_to_the_drawn_moment_is_drawn():
    """The face moves on: a region of another moment would lie beside it."""
    found = clip([1.0, 1.05, 3.0])
    assert render.key_time(found) == 1.0 and render.key_box(found) == [40.0, 40.0, 160.0, 180.0]
    assert [c.au for c in moments.claims_shown_at(found, 1.0)] == ["AU12", "AU06"]
    assert [c.au for c in moments.claims_shown_at(found, 3.0)] == ["AU01"]
    assert render.other_times(found) == [3.0]


def test_further_moments_are_those_of_the_strongest_in_order():
    found = clip([2.0, 4.0, 1.0, 3.0, 0.5, 3.5, 2.5])
    assert render.other_times(found) == [0.5, 1.0, 3.0, 4.0]
    assert render.other_times(explanation(aus=("AU12", "AU06"))) == [], "a photograph has one moment"


def test_a_further_moment_is_drawn_from_its_own_picture():
    """Cut out around the face of that moment, its region in the colour of its unit."""
    found = clip([1.0, 3.0])
    red = grey()
    red[..., 0] = 250
    alone, both = (np.asarray(render.annotate(grey(), found, others)).astype(int) for others in (None, {3.0: red}))
    assert both.shape[0] > alone.shape[0] + 100
    inset = both[:both.shape[0] - alone.shape[0] + render.MIN_VIEW]
    assert ((inset[..., 0] > 240) & (inset[..., 1] == 128)).sum() > 1000, "the red picture"
    assert ((inset[..., 0] < 240) & (inset[..., 0] > 150) & (inset[..., 2] > 130)).sum() > 200, "tinted by AU06"


def test_a_face_beyond_the_picture_still_has_its_box():
    """All four sides of it can be seen: the lines lie on the picture's own edges."""
    drawn = np.asarray(render.annotate(grey(), explanation(box=(-50, -60, 260, 270), claims=[]))).astype(int)
    edges = drawn[:render.MIN_VIEW, :render.MIN_VIEW].max(2) > 200
    middle = render.MIN_VIEW // 2
    assert [edges[middle, :6].any(), edges[middle, -6:].any(), edges[:6, middle].any(), edges[-6:, middle].any()] == [True] * 4


def test_why_nothing_is_read_is_said_once():
    """The heading says "not enough to say": the notice below it need not begin with it again."""
    pictures = [render.annotate(grey(), Explanation(notices=[notice])) for notice in
                ("not enough to say: head turned by 40 degrees", "head turned by 40 degrees")]
    assert (np.asarray(pictures[0]) == np.asarray(pictures[1])).all()


def test_what_is_strong_in_a_clip_is_drawn_though_the_text_is_silent_on_it():
    found = clip([1.0, 3.0], events=[AUEvent("AU15", "both", 2.0, 2.5, 3.0, 4.5), AUEvent("AU17", "both", 2.0, 2.5, 3.0, 2.5)])
    assert moments.moving_units(found) == ["AU15", "AU12", "AU06"]


def test_frame_at_a_photo(tmp_path):
    Image.fromarray(grey(60, 50)).save(tmp_path / "a.png")
    assert render.frame_at(tmp_path / "a.png", 3.0).shape == (50, 60, 3)


@pytest.mark.parametrize("frames_at", [[0, 1, 2, 3, 4, 5], [0, 1, 2, 13, 14, 15]])
def test_frame_at_a_clip_is_the_nearest_in_time(tmp_path, frames_at):
    """Also when the frames are not evenly spaced: guessing time x rate would then give another frame."""
    av = pytest.importorskip("av")
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 64
        for k, tick in enumerate(frames_at):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 40 * k, np.uint8), format="rgb24")
            frame.pts, frame.time_base = tick, Fraction(1, 10)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    for k, tick in enumerate(frames_at):
        assert abs(int(render.frame_at(path, tick / 10).mean()) - 40 * k) < 12


@pytest.mark.parametrize("name, kind", [("a.png", "PNG"), ("a.JPG", "JPEG")])
def test_save(tmp_path, name, kind):
    render.save(Image.new("RGB", (20, 10)), tmp_path / name)
    with Image.open(tmp_path / name) as back:
        assert (back.format, back.size) == (kind, (20, 10))


@pytest.mark.parametrize("name", ["a.gif", "a", "a.png.txt"])
def test_other_extensions_are_refused(tmp_path, name):
    with pytest.raises(InputError, match=r"Name it \.png or \.jpg"):
        render.save(Image.new("RGB", (20, 10)), tmp_path / name)
    assert not list(tmp_path.iterdir())
