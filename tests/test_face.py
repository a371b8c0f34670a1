"""Finding, measuring and following faces, against motion that we made ourselves."""

import itertools
import subprocess
import sys
import threading

import numpy as np
import pytest

from emollm.perception import align, face, measure, media
from emollm.perception.mesh_models import load_models
from emollm.schema import InputError

MOUTH_LEFT, MOUTH_RIGHT = 291, 61  # the person's left mouth corner is at the picture's right


@pytest.fixture(scope="module")
def track(astronaut):
    tracks = face.follow(media.read(astronaut))
    assert len(tracks) == 1
    return tracks[0]


@pytest.fixture(scope="module")
def clip_track(astronaut_clip):
    tracks = face.follow(media.read(astronaut_clip))
    assert len(tracks) == 1
    return tracks[0]


def warped(picture, *, degrees=0.0, zoom=1.0, shift=(0.0, 0.0), about=(224.0, 124.0)):
    """The picture turned against the clock, enlarged about a point and shifted, with the map of its points."""
    import cv2

    turn = cv2.getRotationMatrix2D(about, degrees, zoom)
    turn[:, 2] += shift
    return cv2.warpAffine(picture, turn, picture.shape[1::-1], borderMode=cv2.BORDER_REPLICATE), turn


# Photos


def test_track_of_a_photo_has_the_promised_shapes(track):
    assert (track.face_id, track.picture_size) == (0, (512, 512))
    assert track.frames.tolist() == [0] and track.times.tolist() == [0.0]
    assert track.boxes.shape == (1, 4) and track.landmarks.shape == (1, 478, 3) and track.pose.shape == (1, 3)
    assert track.quality.size.shape == track.quality.blur.shape == track.quality.visible.shape == (1,)
    assert np.isfinite(track.landmarks).all()


def test_face_lies_where_it_is_in_the_photograph(track):
    x0, y0, x1, y1 = track.boxes[0]
    assert 170 < x0 < 190 and 60 < y0 < 80 and 260 < x1 < 280 and 167 < y1 < 187
    corners = track.landmarks[0][[MOUTH_RIGHT, MOUTH_LEFT], :2]
    np.testing.assert_allclose(corners, [[201.5, 139], [244.6, 140.2]], atol=2.5)
    np.testing.assert_allclose(track.boxes[0], face.box_of(track.landmarks[0]))
    assert track.quality.size[0] == pytest.approx(x1 - x0)
    assert track.quality.visible[0] == 1 and track.quality.blur[0] > 0.9
    assert np.abs(track.pose[0]).max() < 10


@pytest.mark.parametrize("motion", [{"shift": (40, 25)}, {"zoom": 1.6}, {"zoom": 0.7}, {"degrees": 20},
                                    {"degrees": -20}, {"degrees": 12, "zoom": 1.3, "shift": (-30, 10)}])
def test_landmarks_follow_known_motion(astronaut, track, motion):
    """Mean error below 2.5 % of the face width: the mesh itself repeats to about 1 %."""
    picture, turn = warped(astronaut, **motion)
    moved = face.follow(media.read(picture))
    assert len(moved) == 1
    expected = align.apply(turn, track.landmarks[0][:, :2])
    error = np.linalg.norm(moved[0].landmarks[0][:, :2] - expected, axis=1).mean()
    assert error < 0.025 * moved[0].quality.size[0]


@pytest.mark.parametrize("degrees", [-25, -10, 10, 25])
def test_turning_the_picture_turns_roll_and_nothing_else(astronaut, track, degrees):
    moved = face.follow(media.read(warped(astronaut, degrees=degrees)[0]))[0]
    yaw, pitch, roll = moved.pose[0] - track.pose[0]
    assert roll == pytest.approx(degrees, abs=3)
    assert abs(yaw) < 5 and abs(pitch) < 5


def test_mirroring_swaps_yaw_and_roll(astronaut, track):
    mirrored = face.follow(media.read(astronaut[:, ::-1]))[0]
    np.testing.assert_allclose(mirrored.pose[0], track.pose[0] * [-1, 1, -1], atol=3.5)


@pytest.mark.parametrize(("axis", "sign"), [(0, 1), (1, 1), (2, 1)])
@pytest.mark.parametrize("degrees", [-30, -5, 0, 15, 40])
def test_pose_of_a_turned_mesh(axis, sign, degrees):
    """Rotate the canonical face and read the angle back; other sizes and places must not matter."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = {0: [[c, 0, -s], [0, 1, 0], [s, 0, c]], 1: [[1, 0, 0], [0, c, -s], [0, s, c]],
            2: [[c, s, 0], [-s, c, 0], [0, 0, 1]]}[axis]
    points = np.zeros((478, 3))
    points[align.STABLE] = 80 * face.CANONICAL_3D @ np.array(turn).T + [300, 200, -5]
    expected = np.zeros(3)
    expected[axis] = sign * degrees
    np.testing.assert_allclose(face.pose(points), expected, atol=1e-6)


def test_yaw_is_positive_towards_the_pictures_right():
    """Turned so, the nose tip moves to the picture's right of the eyes' middle."""
    c, s = np.cos(np.radians(30)), np.sin(np.radians(30))
    turned = face.CANONICAL_3D @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]]).T
    nose, eyes = turned[align.STABLE.tolist().index(4)], turned[:4].mean(0)
    assert nose[0] > eyes[0]
    points = np.zeros((478, 3))
    points[align.STABLE] = turned
    assert face.pose(points)[0] == pytest.approx(30)


def test_small_square_pictures_are_measured_exactly_as_the_training_data(astronaut):
    """48x48 crops: enlarged to 192 px (Lanczos), framed with 48 px of grey 128, mesh straight on it."""
    from PIL import Image

    small = np.asarray(Image.fromarray(astronaut[60:184, 162:286]).resize((48, 48), Image.Resampling.LANCZOS))
    framed = np.full((288, 288, 3), 128, np.uint8)
    framed[48:240, 48:240] = Image.fromarray(small).resize((192, 192), Image.Resampling.LANCZOS)
    mesh = load_models().mesh.process(framed).multi_face_landmarks[0].landmark
    points = np.array([[p.x, p.y, p.z] for p in mesh]) * 288
    points[:, :2] -= 48
    expected = points / 192 * 48 - [0.5, 0.5, 0]
    found = face.follow(media.read(small))
    assert len(found) == 1
    np.testing.assert_allclose(found[0].landmarks[0], expected, atol=1e-9)


def test_small_and_large_pictures_of_a_face_agree(astronaut, track):
    from PIL import Image

    crop = Image.fromarray(astronaut[60:188, 160:288])
    small = face.landmarks(np.asarray(crop.resize((96, 96), Image.Resampling.LANCZOS)))
    in_photo = (small[:, :2] + 0.5) / 96 * 128 - 0.5 + [160, 60]
    assert np.linalg.norm(in_photo - track.landmarks[0][:, :2], axis=1).mean() < 0.025 * track.quality.size[0]


def test_a_face_that_fills_the_picture_is_found(astronaut):
    import cv2

    close = cv2.resize(astronaut[66:180, 172:278], (742, 798), interpolation=cv2.INTER_CUBIC)
    assert len(face.follow(media.read(close))) == 1


@pytest.mark.parametrize(("width", "height"), [(1800, 1400), (3000, 2000)])
def test_small_faces_are_found_in_tiles(astronaut, width, height):
    """A face of 92 px in so wide a picture is a speck to the detector, which sees 192x192."""
    picture = np.full((height, width, 3), 100, np.uint8)
    picture[200:712, width - 640:width - 128] = astronaut
    assert face.find(picture, tiles=False).shape == (0, 4)
    found = face.follow(media.read(picture))
    assert len(found) == 1 and 84 < found[0].quality.size[0] < 100
    assert abs(found[0].boxes[0][[0, 2]].mean() - (width - 640 + 224)) < 8


def test_two_faces_are_numbered_left_to_right(two_faces_file):
    tracks = face.follow(media.read(two_faces_file))
    assert [t.face_id for t in tracks] == [0, 1]
    apart = tracks[1].landmarks[0][:, :2] - tracks[0].landmarks[0][:, :2]
    np.testing.assert_allclose(apart.mean(0), [280, 20], atol=2.5)
    assert len(face.follow(media.read(two_faces_file), max_faces=1)) == 1
    with pytest.raises(InputError, match="max_faces"):
        face.follow(media.read(two_faces_file), max_faces=0)


@pytest.mark.parametrize("shape", [(480, 640, 3), (48, 48, 3), (100, 400, 3)])
def test_no_face_gives_an_empty_list(shape):
    assert face.follow(media.read(np.full(shape, 128, np.uint8))) == []
    noise = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    assert face.follow(media.read(noise)) == []
    assert face.find(noise).shape == (0, 4) and face.landmarks(noise) is None


def test_boxes_off_the_picture_give_no_landmarks(astronaut):
    for box in ((-300, -300, -200, -200), (600, 600, 700, 700), (5, 5, 5, 5), (10, 400, 60, 450)):
        assert face.landmarks(astronaut, box) is None


def test_visible_share_falls_when_the_picture_cuts_the_face(astronaut):
    cut = face.follow(media.read(np.ascontiguousarray(astronaut[:, 205:])))
    assert len(cut) == 1
    assert 0.5 < cut[0].quality.visible[0] < 0.95 and cut[0].boxes[0][0] < 0


def test_blur_lowers_sharpness(astronaut, track):
    import cv2

    values = [face.sharpness(align.cut_chip(cv2.GaussianBlur(astronaut, (0, 0), sigma) if sigma else astronaut,
                                            track.landmarks[0], face.QUALITY_CHIP)[0]) for sigma in (0, 1, 2, 4, 8)]
    assert values == sorted(values, reverse=True) and values[0] > 0.9 and values[-1] < 0.2
    assert face.sharpness(np.full((64, 64, 3), 90, np.uint8)) == 0


# Clips


def test_clip_is_one_unbroken_track_that_moves_as_made(clip_track, clip_facts):
    assert clip_track.frames.tolist() == list(range(clip_facts.frames))
    np.testing.assert_allclose(clip_track.times, np.arange(clip_facts.frames) / clip_facts.fps, atol=1e-6)
    assert clip_track.picture_size == (clip_facts.size, clip_facts.size)
    stable = clip_track.landmarks[:, align.STABLE, :2].mean(1)
    slope, start = np.polyfit(np.arange(clip_facts.frames), stable[:, 0], 1)
    assert slope == pytest.approx(clip_facts.step, abs=0.03)
    assert np.abs(stable[:, 0] - slope * np.arange(clip_facts.frames) - start).max() < 2
    assert np.ptp(stable[:, 1]) < 3


def test_smile_in_the_clip_is_seen_when_and_where_it_was_made(clip_track, clip_facts):
    eyes = clip_track.landmarks[:, [33, 263], 1].mean(1)
    corners = clip_track.landmarks[:, [MOUTH_LEFT, MOUTH_RIGHT], 1].mean(1) - eyes
    strength = np.array([clip_facts.strength(t) for t in clip_track.times])
    lift = corners[strength == 0].mean() - corners[strength == 1].mean()
    assert 0.35 * clip_facts.lift < lift < 1.3 * clip_facts.lift
    assert np.corrcoef(corners, strength)[0, 1] < -0.9


def test_chips_and_maps_belong_to_the_asked_positions(astronaut_clip, clip_track):
    clip = media.read(astronaut_clip)
    asked = [40, 3, 40, 25]
    cut, maps = face.chips(clip, clip_track, asked, 64)
    assert cut.shape == (4, 64, 64, 3) and cut.dtype == np.uint8 and maps.shape == (4, 2, 3)
    pictures = {index: rgb for index, _, rgb in clip.frames()}
    for chip, to_picture, position in zip(cut, maps, asked, strict=True):
        alone, its_map = align.cut_chip(pictures[position], clip_track.landmarks[position], 64)
        np.testing.assert_array_equal(chip, alone)
        np.testing.assert_allclose(to_picture, its_map)
        on_chip = align.apply(align.invert(to_picture), clip_track.landmarks[position, align.STABLE, :2])
        assert np.linalg.norm(on_chip - (align.CANONICAL * 64 - 0.5), axis=1).mean() < 0.04 * 64
    assert face.chips(clip, clip_track, [], 64)[0].shape == (0, 64, 64, 3)


def test_chips_use_track_positions_not_frame_numbers(write_clip, clip_frames, tmp_path):
    """A track that starts at frame 10 has position 0 there."""
    blank = np.full_like(clip_frames[0], 90)
    clip = media.read(write_clip(tmp_path / "late.mp4", [blank] * 10 + clip_frames[:10]))
    track = face.follow(clip)[0]
    assert track.frames[0] == 10
    chip, _ = face.chips(clip, track, [0], 64)
    picture = next(clip.frames([10]))[2]
    np.testing.assert_array_equal(chip[0], align.cut_chip(picture, track.landmarks[0], 64)[0])


def test_chips_of_another_file_are_refused(clip_track, astronaut):
    with pytest.raises(InputError, match="cannot be read again"):
        face.chips(media.read(astronaut), clip_track, [20], 64)


def test_shot_cut_ends_the_track(write_clip, clip_frames, astronaut, tmp_path):
    import cv2

    other = cv2.resize(astronaut[0:300, 60:360], (320, 320), interpolation=cv2.INTER_AREA)[:, ::-1]
    clip = media.read(write_clip(tmp_path / "cut.mp4", clip_frames[:12] + [other] * 12))
    tracks = face.follow(clip)
    assert [(t.face_id, t.frames[0], t.frames[-1]) for t in tracks] == [(0, 0, 11), (1, 12, 23)]


def test_change_of_light_does_not_end_the_track(write_clip, clip_frames, tmp_path):
    darker = [(f * 0.8).astype(np.uint8) for f in clip_frames[12:24]]
    tracks = face.follow(media.read(write_clip(tmp_path / "dim.mp4", clip_frames[:12] + darker)))
    assert [len(t.frames) for t in tracks] == [24]


def test_short_gap_is_bridged_and_long_gap_is_not(write_clip, clip_frames, tmp_path):
    def hidden(frame):
        covered = frame.copy()
        covered[60:290, 70:270] = covered[60:290, 70:270].mean((0, 1))
        return covered

    for gap, expected in ((5, 1), (20, 2)):
        frames = clip_frames[:10] + [hidden(f) for f in clip_frames[10:10 + gap]] + clip_frames[10 + gap:20 + gap]
        tracks = face.follow(media.read(write_clip(tmp_path / f"gap{gap}.mp4", frames)))
        seen = np.concatenate([t.frames for t in tracks])
        assert not set(seen) & set(range(10, 10 + gap))
        assert len(tracks) == expected


def test_flash_of_a_face_is_dropped_unless_the_clip_is_short(write_clip, clip_frames, tmp_path):
    blank = np.full_like(clip_frames[0], 90)
    flash = write_clip(tmp_path / "flash.mp4", [blank] * 8 + clip_frames[:3] + [blank] * 8)
    assert face.follow(media.read(flash)) == []
    assert len(face.follow(media.read(flash), min_frames=3)) == 1
    assert len(face.follow(media.read(write_clip(tmp_path / "short.mp4", clip_frames[:2])))) == 1


def test_two_faces_that_move_keep_their_numbers(write_clip, clip_frames, tmp_path):
    """One drifts right, its mirror image drifts left; a newcomer gets the next number."""
    frames = [np.concatenate([f, f[:, ::-1]], axis=1) for f in clip_frames[:20]]
    frames = [np.concatenate([f[:, :320], np.full_like(f[:, 320:], 90)], axis=1) for f in frames[:6]] + frames[6:]
    tracks = face.follow(media.read(write_clip(tmp_path / "two.mp4", frames)))
    assert [t.face_id for t in tracks] == [0, 1]
    assert len(tracks[0].frames) == 20 and 6 <= tracks[1].frames[0] <= 6 + face.DETECT_EVERY
    assert tracks[0].boxes[:, 2].max() < 320 < tracks[1].boxes[:, 0].min()


def test_clip_without_a_face(write_clip, tmp_path):
    assert face.follow(media.read(write_clip(tmp_path / "b.mp4", [np.full((200, 320, 3), 90, np.uint8)] * 8))) == []


def test_every_frame_is_counted(astronaut_clip):
    seen = []
    face.follow(media.read(astronaut_clip), each=seen.append)
    assert seen == list(range(1, 51))


# Assignment and models


def test_assignment_is_optimal():
    rng = np.random.default_rng(0)
    for rows, columns in itertools.product(range(6), range(6)):
        for _ in range(8):
            cost = rng.random((rows, columns))
            pairs = face.assign(cost)
            assert len({r for r, _ in pairs}) == len({c for _, c in pairs}) == len(pairs) == min(rows, columns)
            wide = cost if rows <= columns else cost.T
            best = min(sum(wide[i, j] for i, j in enumerate(choice))
                       for choice in itertools.permutations(range(max(rows, columns)), min(rows, columns)))
            assert sum(cost[p] for p in pairs) == pytest.approx(best)


def test_threads_measure_alike(astronaut, track):
    results = {}

    def work(number):
        results[number] = face.follow(media.read(astronaut))[0].landmarks

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3
    for landmarks in results.values():
        np.testing.assert_allclose(landmarks, track.landmarks, atol=1e-3)


def test_models_start_without_chatter_and_import_costs_nothing(astronaut_file):
    """MediaPipe writes warnings of its own to stderr; a user's terminal stays clean, also with stderr closed."""
    code = ("import sys; from emollm.perception import face, media; "
            "assert not {'mediapipe', 'cv2', 'av', 'torch'} & set(sys.modules); "
            "print(len(face.follow(media.read(sys.argv[1])))); print('after', file=sys.stderr)")
    done = subprocess.run([sys.executable, "-c", code, str(astronaut_file)], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n" and done.stderr == "after\n"
    closed = subprocess.run(["sh", "-c", '"$0" -c "$1" "$2" 2>&-', sys.executable, code.replace("; print('after', "
                             "file=sys.stderr)", ""), str(astronaut_file)], capture_output=True, text=True, check=True)
    assert closed.stdout == "1\n"


# Development samples


# Every picture was looked at: these are all its faces, but for a distant soldier in profile who is missed. (The group
# "of eleven" shows seven people.)
PHOTO_FACES = {"group_of_eleven.jpg": 7, "group_of_five.jpg": 5, "three_men.jpg": 3, "bw_distant_profile.jpg": 0,
               "no_face_mountain.jpg": 0}


def test_development_photos(dev_data):
    reference = np.load(dev_data / "samples_reference.npz")
    errors = []
    for path in sorted((dev_data / "samples").glob("*.[jp][pn]g")):
        tracks = face.follow(media.read(path))
        assert len(tracks) == PHOTO_FACES.get(path.name, 1), path.name
        angles = reference["yaw_pitch_roll"][reference["name"] == path.name][0].astype(float)
        if len(tracks) == 1 and np.isfinite(angles).all():
            errors.append(np.abs(tracks[0].pose[0] - angles))
    assert len(errors) >= 20
    assert (np.mean(errors, axis=0) < [3.5, 4, 2]).all()  # yaw, pitch, roll in degrees against another model


@pytest.mark.parametrize(("name", "shots"), [("openface_clip12.mp4", [0]), ("webcam_talk.wmv", [0]),
                                             ("openface_clip2.mp4", [0, 41, 117, 192, 222]),
                                             ("face_then_no_face.mov", [0]), ("no_face.mp4", [])])
def test_development_clips(dev_data, name, shots):
    reference = np.load(dev_data / "samples_reference.npz")
    rows = reference["name"] == name
    tracks = face.follow(media.read(dev_data / "samples" / name))
    assert [t.frames[0] for t in tracks] == shots
    seen = {int(f) for t in tracks for f in t.frames}
    assert set(reference["frame"][rows][reference["legacy_faces"][rows] > 0].tolist()) <= seen


def test_development_landmarks_repeat_the_training_ones(dev_data):
    """The tower is trained on chips cut by these landmarks: serving must find the same points (float16 stored)."""
    import io

    from PIL import Image

    faces, stored = (np.load(dev_data / f) for f in ("fer2013_train.npz", "fer2013_train_landmarks.npz"))
    content, offset = faces["png"].tobytes(), faces["offset"]
    errors, pose_errors, upper = [], [], measure.estimator().mean[:, 1] < 0
    for row in range(0, len(stored["index"]), 160):
        picture = stored["index"][row]
        crop = np.asarray(Image.open(io.BytesIO(content[offset[picture]:offset[picture + 1]])))
        track = face.follow(media.read(crop))[0]
        expected = stored["landmarks"][row].astype(float) * 48 - [0.5, 0.5, 0]
        errors.append([np.abs(track.landmarks[0] - expected)[part].max() for part in (upper, ~upper)])
        pose_errors.append(np.abs(track.pose[0] - stored["yaw_pitch_roll"][row].astype(float)))
    brows, mouth = np.transpose(errors)
    assert brows.max() < 0.05
    assert (mouth < 0.05).mean() > 0.85  # the others got the mouth of a second look
    assert (np.nanmean(pose_errors, axis=0) < [4, 4, 2]).all()


def test_landmarks_read_from_the_bytes_are_those_of_the_objects():
    from mediapipe.framework.formats import landmark_pb2

    from emollm.perception import mesh_models

    given, drawn = landmark_pb2.NormalizedLandmarkList(), np.float32(np.random.default_rng(0).normal(size=(478, 3)))
    drawn[7] = 0
    for x, y, z in drawn:
        given.landmark.add(x=x, y=y, z=z)
    np.testing.assert_array_equal(mesh_models.mesh_array(given, 288), drawn.astype(float) * 288)
    given.landmark[3].visibility = 0.5  # another record length
    np.testing.assert_array_equal(mesh_models.mesh_array(given, 288), drawn.astype(float) * 288)
    np.testing.assert_array_equal(mesh_models.mesh_array(landmark_pb2.NormalizedLandmarkList(), 288).ravel(), [])


# A face whose place is known


def test_followed_faces_are_measured_as_searched_ones(clip_track, clip_frames, astronaut_clip):
    """The mesh of a followed face, which spares the search, lies where the searching mesh lays it."""
    from emollm.perception import mesh

    for index, _, picture in media.read(astronaut_clip).frames(range(1, 50, 7)):
        searched = mesh.landmarks(picture, clip_track.boxes[index - 1])
        apart = np.linalg.norm(searched[:, :2] - clip_track.landmarks[index, :, :2], axis=1).mean()
        assert 0 < apart < 0.02 * np.linalg.norm(searched[33, :2] - searched[263, :2])


def test_first_frame_after_a_cut_is_measured_anew(write_clip, clip_frames, tmp_path):
    """The face of the next shot may lie elsewhere, partly where the old one was."""
    moved = [np.roll(f[:, ::-1], (40, 60), (0, 1)) for f in clip_frames[:12]]
    shots = write_clip(tmp_path / "cut.mp4", [(f * 0.5).astype(np.uint8) for f in clip_frames[:12]] + moved)
    last = face.follow(media.read(shots))[-1]
    stable = last.landmarks[:, align.STABLE, :2]
    assert last.frames[0] == 12
    assert np.linalg.norm(stable[0] - stable[1], axis=1).mean() < 0.05 * last.quality.size[0]


def test_mesh_that_holds_on_to_no_face_is_dropped_at_the_next_search(clip_frames):
    """What the detector does not confirm is searched again."""
    (right,), _ = face.measure_frame(clip_frames[0], [], 0, 8, None)
    width, height, _ = np.ptp(right, axis=0)
    astray = face._Track([face.DETECT_EVERY - 1], [0.16])
    astray.points.append(right + np.array([0.65 * width, -0.4 * height, 0]))
    found, _ = face.measure_frame(clip_frames[0], [astray], face.DETECT_EVERY, 8, face.find(clip_frames[0], tiles=False))
    assert len(found) == 1 and face.overlap(face.box_of(found[0]), face.box_of(right)) > 0.9


def test_kept_chips_are_those_of_a_second_pass(astronaut_clip, monkeypatch):
    clip, cache = media.read(astronaut_clip), face.ChipCache(48)
    track = face.follow(clip, cache=cache)[0]
    again, maps = face.chips(clip, track, [3, 30], 48)
    monkeypatch.setattr(media.Media, "_clip_frames", lambda self, wanted: pytest.fail("read again") if wanted else iter(()))
    kept, its_maps = face.chips(clip, track, [3, 30], 48, cache)
    np.testing.assert_array_equal(kept, again)
    np.testing.assert_array_equal(its_maps, maps)


def test_long_clips_keep_no_chips(astronaut_clip, monkeypatch):
    monkeypatch.setattr(face, "KEPT_CHIPS", 20 * 48 * 48 * 3)
    clip, cache = media.read(astronaut_clip), face.ChipCache(48)
    track = face.follow(clip, cache=cache)[0]
    assert cache.full and not cache.kept
    np.testing.assert_array_equal(face.chips(clip, track, [3], 48, cache)[0], face.chips(clip, track, [3], 48)[0])


# Coming back


def tracked(first, last, at=(0.0, 0.0), shots=(0, 0), size=100.0):
    """A track at 25 frames a second of a face that does not move."""
    track = face._Track(shots=list(shots))
    for frame in range(first, last + 1):
        track.frames.append(frame)
        track.times.append(frame / 25)
        track.points.append(np.array([[0, 0, 0], [size, size, 0]]) + np.array((*at, 0)))
        track.boxes.append(face.box_of(track.points.last))
        track.blur.append(1.0)
    return track


@pytest.mark.parametrize(("later", "joined"), [
    (tracked(40, 60), True), (tracked(40, 60, at=(40, 10)), True), (tracked(40, 60, at=(70, 0)), False),
    (tracked(40, 60, size=40.0), False), (tracked(40, 60, shots=(1, 1)), False), (tracked(140, 160), False),
    (tracked(15, 60), False)],
    ids=["same place", "near", "elsewhere", "smaller", "another shot", "too late", "at the same time"])
def test_a_face_that_comes_back_to_its_place_goes_on(later, joined):
    tracks = face.rejoin([later, tracked(0, 20)])
    assert [t.frames[0] for t in tracks] == ([0] if joined else [0, later.frames[0]])
    if joined:
        assert tracks[0].frames == [*range(21), *range(40, 61)]
        assert len(tracks[0].points) == len(tracks[0].blur) == len(tracks[0].times) == 42


def test_of_two_that_left_the_nearer_one_comes_back():
    left, right, back = tracked(0, 20), tracked(0, 20, at=(60, 0)), tracked(30, 40, at=(50, 0))
    tracks = face.rejoin([left, right, back])
    assert [len(t.frames) for t in tracks] == [21, 32]
    again = tracked(60, 70, at=(45, 0))
    assert [len(t.frames) for t in face.rejoin([*tracks, again])] == [21, 43]
