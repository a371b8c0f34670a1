"""Brief movements: what is made and undone within half a second is found, where and when it was made, and nothing else."""

import json
from dataclasses import replace

import numpy as np
import pytest
from conftest import CLIP_SIZE, FPS, LIFT, MOUTH, WINDOW, shifted, smiling

from emollm import cli
from emollm.perception import align, face, media, spot
from emollm.perception.spot import BriefMovement

APEX, HALF = 0.8, 0.16  # s of the brief smile, and half its length


@pytest.fixture(scope="module")
def made(astronaut, write_clip, tmp_path_factory):
    """Function (strength of time, name) -> clip of 1.6 s: the face trembles and is noisy, its mouth corners follow."""
    import cv2

    x, y, side = WINDOW
    zoom = CLIP_SIZE / side
    still = cv2.resize(astronaut[y:y + side, x:x + side], (CLIP_SIZE, CLIP_SIZE), interpolation=cv2.INTER_CUBIC)
    corners = tuple(((cx - x + 0.5) * zoom - 0.5, (cy - y + 0.5) * zoom - 0.5) for cx, cy in MOUTH)
    folder = tmp_path_factory.mktemp("spot")

    def clip(strength, name):
        draw, frames = np.random.default_rng(0), []
        for n in range(round(1.6 * FPS)):
            pulled = smiling(still, corners, LIFT * strength(n / FPS), reach=0.06 * CLIP_SIZE)
            moved = shifted(pulled, *draw.normal(0, 0.4, 2)).astype(float) + draw.normal(0, 3, pulled.shape)
            frames.append(np.clip(moved, 0, 255).astype(np.uint8))
        return write_clip(folder / f"{name}.mp4", frames)

    return clip


def spotted(path):
    clip = media.read(path)
    (track,) = face.follow(clip)
    return spot.spot(clip, track)


def test_a_brief_smile_is_found_where_and_when_it_was_made(made, capsys):
    path = made(lambda t: max(0.0, 1 - abs(t - APEX) / HALF), "brief")
    (found,) = spotted(path)
    assert (found.region, found.side) == ("mouth corner", "both")
    assert "AU12" in found.units
    assert abs(found.apex - APEX) <= 0.08
    assert APEX - HALF - 0.08 <= found.onset < found.apex < found.offset <= APEX + HALF + 0.08
    assert found.offset - found.onset <= spot.BRIEF
    assert cli.main(["spot", str(path), "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["brief_movements"]
    assert (told["region"], told["units"]) == ("mouth corner", list(found.units))
    assert cli.main(["spot", str(path)]) == 0
    assert capsys.readouterr().out.splitlines()[0].startswith("face_id,region,side")


@pytest.mark.parametrize("strength", [lambda t: 0.0, lambda t: float(np.clip((t - 0.2) / 1.2, 0, 1)),
                                      lambda t: float(np.clip((t - 0.7) / 0.12, 0, 1))], ids=["rest", "slow", "stays"])
def test_what_is_not_brief_is_not_spotted(made, strength, request):
    assert spotted(made(strength, request.node.callspec.id)) == []


def test_photos_and_slow_clips_are_refused(astronaut_file, write_clip, clip_frames, tmp_path, capsys):
    slow = write_clip(tmp_path / "slow.mp4", clip_frames[:4], fps=5)
    for path in (astronaut_file, slow):
        assert cli.main(["spot", str(path)]) == 2
        assert "at least 12 frames a second" in capsys.readouterr().err


def test_drift_and_steps_are_not_undone():
    """Motion from each frame to the one two later; the region of interest moves along x."""
    def undone(path):
        path = np.asarray(path, float)
        moved = np.stack([path[2:] - path[:-2], np.zeros(len(path) - 2)], axis=1)[:, None]
        return spot.brief_displacement(moved, 2)[:, 0]

    assert undone([0, 1, 2, 3, 4, 5, 6]).max() == 0
    assert undone([0, 0, 0, 4, 4, 4, 4]).max() == 0
    np.testing.assert_allclose(undone([0, 0, 2, 4, 2, 0, 0]), [0, 0, 0, 4, 0, 0, 0])
    assert undone([0, 0, 0, 4, 3, 1, 1])[3] == 3, "the smaller half counts"


def test_strain_is_of_stretching_not_of_moving():
    rows, columns = np.indices((spot.CHIP, spot.CHIP), dtype=np.float32)
    centre = np.array([[64.0, 64.0]])
    shift = np.ones((spot.CHIP, spot.CHIP, 2), np.float32)
    assert spot.strain_of(shift, centre) == pytest.approx(0, abs=1e-6)
    assert spot.strain_of(np.stack([-0.05 * rows, 0.05 * columns], 2), centre) == pytest.approx(0, abs=1e-6), "a turn"
    assert spot.strain_of(np.stack([0.05 * columns, 0 * rows], 2), centre) == pytest.approx(0.05, abs=1e-6)


def test_the_motion_of_the_head_is_taken_out():
    rows, columns = np.indices((spot.CHIP, spot.CHIP), dtype=np.float32) - spot.CHIP / 2
    head = np.stack([1 + 0.02 * columns - 0.03 * rows, -2 + 0.02 * rows + 0.03 * columns], axis=2)
    np.testing.assert_allclose(spot.rigid_motion(head), head, atol=0.02)
    assert np.ptp(spot.RIGID[:, 0]) > 0.7 * spot.CHIP, "turns can only be told by points far apart"


@pytest.mark.parametrize(("along", "side", "direction"), [((0, -1), "left", "up"), ((0, 1), "left", "down"),
                                                          ((1, 0), "left", "out"), ((1, 0), "right", "in")])
def test_directions_are_the_persons(along, side, direction):
    assert spot.direction_of(np.array(along, float), side) == direction


def test_every_region_has_its_mirror():
    for places in spot.REGIONS.values():
        assert all(p in spot.OTHER_HALF for p in places[0])
    assert len(align.CANONICAL[[4, 5, 6, 7, 14, 15, 16, 17]]) == len(spot.RIGID)


def test_one_movement_is_told_once():
    strong = BriefMovement(0, "mouth corner", "left", "up", ("AU12",), 0.4, 0.5, 0.6, 4.0, 0.1)
    mirror, weak = replace(strong, side="right", displacement=3.0), replace(strong, region="chin", displacement=2.0)
    brow = replace(strong, region="inner brow", displacement=1.5)
    later = replace(strong, apex=1.5, side="right")
    told = spot.drop_doubles([weak, mirror, strong, brow, later])
    assert [(m.region, m.side, m.apex) for m in told] == [("inner brow", "left", 0.5), ("mouth corner", "both", 0.5),
                                                          ("mouth corner", "right", 1.5)]
    faint = replace(strong, side="right", displacement=1.0)
    assert [m.side for m in spot.drop_doubles([strong, faint])] == ["left"]
