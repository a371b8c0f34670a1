"""Follow every face through a photo or clip: tracks, the sharpness of each frame, aligned chips.

Where the faces are and how their mesh lies is the work of `mesh`, frame by frame; its names are at hand here too.
Nothing here tells who a person is: a face is followed by its place and time, and one that is seen again after a cut goes on
where the clip shows what it showed before (sights), else it is a new face.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from emollm import progress
from emollm.perception import align, appearance, covers, sights
from emollm.perception.ahead import read_ahead
from emollm.perception.media import Media
from emollm.perception.mesh import (
    CANONICAL_3D,
    SAME_FACE,
    box_of,
    find,
    landmarks,
    measure_again,
    measure_boxes,
    measure_crop,
    measure_photo,
    overlap,
    pose,
    second_look,
)
from emollm.perception.mesh_models import load_models, share_detector
from emollm.perception.store import Landmarks, Store
from emollm.schema import FaceTrack, InputError, Quality

__all__ = ["CANONICAL_3D", "assign", "box_of", "chips", "find", "follow", "landmarks", "pose",
           "sharpness"]

DETECT_EVERY = 5  # frames of a clip between two searches for new faces
MAX_GAP = 0.5  # s a face may stay unseen before its track ends
RETURN, SAME_PLACE = 3.0, 0.3  # s and overlap of boxes within which a face that comes back in the same shot is the same
RETURN_IN_SIGHT = 30.0  # s within which one that comes back to the same view and looks the same is the same, after cuts as well
AT_A_TIME = 8  # faces that are measured in one picture unless more are asked for
MIN_FRAMES = 5  # a shorter track in a clip is taken for a false alarm
MAYBE_CUT = 0.5  # grey-level x histogram difference of two frames; measured: cuts > 1.1, changing light up to 1.1
SAME_LOOK = 0.8  # correlation of a face's chips across a maybe-cut; measured: the same shot > 0.9, cuts < 0.7
FAR = 1.5  # _distance at which a face cannot be the one of the frame before; measured: 99 % of motion < 0.25
SHARPNESS_SCALE = 0.04  # normalised Laplacian variance; blur of 2 % of the face width reads about 0.6
QUALITY_CHIP = appearance.SIZE
ANOTHER_FACE = ("a face that comes again after a cut or elsewhere goes on where picture and face look as they did, else it "
                "counts as a new one: some of these faces may be one person")
BEHIND = 3  # frames whose faces may still be described while the next one is measured
KEPT_CHIPS = 64e6  # bytes of chips kept from the first pass over a clip; the chips of longer ones take a second pass


# Quality


def sharpness(chip: np.ndarray) -> float:
    """0-1, 1 = sharp, of an aligned chip [S, S, 3]: variance of the Laplacian (Pech-Pacheco et al., ICPR 2000)
    over the variance of the grey levels, so that low contrast is not taken for blur."""
    import cv2

    grey = cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY).astype(np.float32)
    ratio = cv2.Laplacian(grey, cv2.CV_32F).var() / (grey.var() + 25)
    return float(1 - np.exp(-ratio / SHARPNESS_SCALE))


def _visible_share(points: np.ndarray, width: int, height: int) -> float:
    x, y = points[:, 0], points[:, 1]
    return float(((x >= -0.5) & (x < width - 0.5) & (y >= -0.5) & (y < height - 0.5)).mean())


# Following


@dataclass
class _View:
    """What one frame shows of a face, beside where its mesh lies."""

    chip: np.ndarray
    pose: np.ndarray
    visible: float
    blur: float
    look: np.ndarray
    cover: np.ndarray

    @classmethod
    def from_picture(cls, picture: np.ndarray, points: np.ndarray) -> _View:
        chip = _chip(picture, points)
        grey = appearance.to_grey(chip)
        return cls(chip, pose(points), _visible_share(points, picture.shape[1], picture.shape[0]), sharpness(chip),
                   appearance.look(grey, points), covers.look(grey))


@dataclass
class _Track:
    frames: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    points: Landmarks = field(default_factory=lambda: Store().landmarks())
    boxes: list[np.ndarray] = field(default_factory=list)
    poses: list[np.ndarray] = field(default_factory=list)
    visible: list[float] = field(default_factory=list)
    blur: list[float] = field(default_factory=list)
    looks: list[np.ndarray] = field(default_factory=list)
    covers: list[np.ndarray] = field(default_factory=list)
    waiting: deque[tuple[float, np.ndarray | None, Future]] = field(default_factory=deque)  # time, frame at a glance, view
    last_chip: np.ndarray | None = None
    doubtful: bool = False  # perhaps a cut since the face was last seen
    gaping: bool = False  # the mouth was seen open at the second look only
    shots: list[int] = field(default_factory=list)  # first and last shot it was seen in, counted by what may be a cut
    sights: sights.Sights = field(default_factory=sights.Sights)

    def add(self, index: int, time: float, points: np.ndarray, glance: np.ndarray | None, view: Future) -> None:
        """One more frame. view: its _View, which another thread works out."""
        self.frames.append(index)
        self.times.append(time)
        self.points.append(points)
        self.boxes.append(box_of(points))
        self.doubtful = False
        self.waiting.append((time, glance, view))
        self.settle(BEHIND)

    def settle(self, behind: int = 0) -> None:
        """Take in the views of all frames but the last `behind`."""
        while len(self.waiting) > behind:
            time, glance, view = self.waiting.popleft()
            seen: _View = view.result()
            self.last_chip = seen.chip
            for values, value in ((self.poses, seen.pose), (self.visible, seen.visible), (self.blur, seen.blur),
                                  (self.looks, seen.look), (self.covers, seen.cover)):
                values.append(value)
            if glance is not None:
                self.sights.add(time, glance, seen.chip)

    @property
    def look(self) -> np.ndarray:
        """Its last chip."""
        self.settle()
        return self.last_chip

    def note_shot(self, shot: int) -> None:
        self.shots = [*self.shots[:1], shot]

    def return_fit(self, later: _Track) -> float:
        """How well a later track fits as this face come back, 0-1: the overlap of where it left and where it came. 0 elsewhere
        than in the same shot within RETURN seconds, or in sight of the same within RETURN_IN_SIGHT."""
        away = later.times[0] - self.times[-1]
        there = overlap(self.boxes[-1], later.boxes[0]) if 0 < away <= RETURN_IN_SIGHT else 0.0
        if there <= SAME_PLACE:
            return 0.0
        same_shot = self.shots[-1] == later.shots[0] and away <= RETURN
        return there if same_shot or self.sights.recurs_in(later.sights) else 0.0

    def go_on(self, later: _Track) -> None:
        for name in ("frames", "times", "points", "poses", "boxes", "visible", "blur", "looks", "covers"):
            getattr(self, name).extend(getattr(later, name))
        self.sights.go_on(later.sights)
        self.note_shot(later.shots[-1])


@dataclass
class ChipCache:
    """Aligned chips of the faces of one media, cut while it is followed so that a clip need not be decoded twice."""

    size: int  # px
    kept: dict[tuple, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    full: bool = False

    def add(self, index: int, points: np.ndarray, picture: np.ndarray) -> None:
        self.full = self.full or (len(self.kept) + 1) * self.size**2 * 3 > KEPT_CHIPS
        if self.full:
            self.kept.clear()
        else:
            self.kept[self._key(index, points)] = align.cut_chip(picture, points, self.size)

    def get(self, index: int, points: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        return self.kept.get(self._key(index, points))

    @staticmethod
    def _key(index: int, points: np.ndarray) -> tuple:
        return index, *np.float32(points[0]).tolist()  # as they come back from a file (store)


def follow(media: Media, *, max_faces: int = AT_A_TIME, min_frames: int = MIN_FRAMES, cache: ChipCache | None = None,
           crops: bool = False, each: Callable[[int], None] | None = None) -> list[FaceTrack]:
    """Every face of a photo or clip as a FaceTrack, left to right at first sight; empty when there is no face.

    max_faces: measured at a time (the detector's best). min_frames: shorter tracks of a clip are dropped, unless they are
    half of it. cache: filled with chips for chips(). crops: a photo is a face crop, taken whole. each: called after each
    frame of a clip with the number of frames done. A face that comes back to its place goes on, within RETURN seconds of the
    same shot, or within RETURN_IN_SIGHT where picture and face look as they did; otherwise a shot cut or another place gives
    a new face_id.
    """
    if max_faces < 1:
        raise InputError(f"max_faces is {max_faces}, expected at least 1")
    if media.kind == "photo":
        tracks, count = _photo_tracks(media, max_faces, crops), 1
    else:
        tracks, count = _clip_tracks(media, max_faces, cache, each or (lambda done: None))
    needed = min(min_frames, max(1, count // 2))  # of few frames, as of a moving GIF, half are enough
    kept = [t for t in tracks if len(t.frames) >= needed]
    kept.sort(key=lambda t: (t.frames[0], t.boxes[0][[0, 2]].mean()))
    if kept and max(t.times[0] for t in kept) > min(t.times[-1] for t in kept):
        media.notices.append(ANOTHER_FACE)
    return [_finish(t, number, media) for number, t in enumerate(kept)]


def _photo_tracks(media: Media, max_faces: int, crops: bool) -> list[_Track]:
    tracks = []
    for index, time, picture in media.frames():
        with ThreadPoolExecutor(1) as behind:
            for first_look in measure_crop(picture) if crops else measure_photo(picture, max_faces):
                points = second_look(picture, first_look)
                tracks.append(track := _Track())
                track.add(index, time, points, None, behind.submit(_View.from_picture, picture, points))
        if len(tracks) == max_faces and (there := len(find(picture))) > max_faces and not crops:
            media.notices.append(_more_faces_notice(there, max_faces))
    return tracks


def _clip_tracks(media: Media, max_faces: int, cache: ChipCache | None,
                 each: Callable[[int], None]) -> tuple[list[_Track], int]:
    """All tracks of a clip and the number of its frames.

    A face known from the frame before is cut out where it was; the picture is searched when there is none, when one
    got lost, and every DETECT_EVERY frames for newcomers.
    """
    active: list[_Track] = []
    ended: list[_Track] = []
    before, count, shot, most, store = None, 0, 0, 0, Store()
    with ThreadPoolExecutor(1, thread_name_prefix="describe faces") as behind:
        frames = read_ahead(_searched_frames(media), functools.partial(share_detector, load_models()))
        for index, time, picture, boxes in progress.track(frames, "measuring", media.count):
            now = _Glance.from_picture(picture)
            change = now.change_from(before) if before is not None else 0.0
            before, count, shot = now, count + 1, shot + (change > MAYBE_CUT)
            for track in active:
                track.doubtful = track.doubtful or change > MAYBE_CUT
            faces, there = measure_frame(picture, active, index, max_faces, boxes)
            most = max(most, there)
            for track, first_look in zip(_match_tracks(active, faces, picture), faces, strict=True):
                if track is None:
                    active.append(track := _Track(points=store.landmarks()))
                points = _look_again(track, first_look, picture, index)
                track.add(index, time, points, now.grey, behind.submit(_View.from_picture, picture, points))
                track.note_shot(shot)
                if cache is not None:
                    cache.add(index, track.points.last, picture)
            ended += [t for t in active if time - t.times[-1] > MAX_GAP]
            active = [t for t in active if time - t.times[-1] <= MAX_GAP]
            each(count)
        for track in ended + active:
            track.settle()
    if most > max_faces:
        media.notices.append(_more_faces_notice(most, max_faces))
    return rejoin(ended + active), count


def _more_faces_notice(there: int, measured: int) -> str:
    """What is said where the picture, or some moment of the clip, shows more faces than are measured at a time."""
    return (f"{measured} of {there} faces found at one time are measured, the clearest; ask for more with --max-faces, or cut "
            "the picture to see the others")


def rejoin(tracks: list[_Track]) -> list[_Track]:
    """Tracks of which one goes on where another ended in the same shot, as one: a face that was hidden or looked away.

    Place and time decide, after a cut picture and look as well. The geometry of the mesh does not tell people apart
    (docs/decisions.md), so a face seen again in another view stays a new one.
    """
    kept: list[_Track] = []
    for track in sorted(tracks, key=lambda t: t.frames[0]):
        left = max(kept, key=lambda t: t.return_fit(track), default=None)
        if left is not None and left.return_fit(track) > 0:
            left.go_on(track)
        else:
            kept.append(track)
    return kept


def _searched_frames(media: Media) -> Iterator[tuple[int, float, np.ndarray, np.ndarray | None]]:
    """Frames of a clip, every DETECT_EVERY-th with the boxes of the faces found in it."""
    for index, time, picture in media.frames():
        yield index, time, picture, None if index % DETECT_EVERY else find(picture, tiles=False)


def measure_frame(picture: np.ndarray, active: list[_Track], index: int, max_faces: int,
                  boxes: np.ndarray | None) -> tuple[list[np.ndarray], int]:
    """Landmarks of each face of a frame, and how many there are to be seen: more when the limit is reached.

    boxes: of the faces found in it; None where it was not searched, which is done here when a face got lost.
    """
    fresh = [t for t in active if t.frames[-1] == index - 1]
    faces = measure_again(picture, [(t.points.last, t.doubtful) for t in fresh], max_faces)
    if boxes is None:
        if len(faces) >= max(len(active), 1):
            return faces, len(faces)
        boxes = find(picture, tiles=False)
    again = (f if _is_detected(f, boxes) else landmarks(picture, box_of(f)) for f in faces)
    faces = [f for f in again if f is not None]
    if len(faces) == max_faces:
        return faces, len(boxes)
    new = [box for box in boxes if all(overlap(box, box_of(f)) < 0.3 for f in faces)]
    faces += [points for points in measure_boxes(picture, new, max_faces - len(faces))
              if all(overlap(box_of(points), box_of(f)) < SAME_FACE for f in faces)]
    return faces, len(boxes)


def _look_again(track: _Track, points: np.ndarray, picture: np.ndarray, index: int) -> np.ndarray:
    """Landmarks after a second look, which a clip takes every DETECT_EVERY frames and while it corrects the first."""
    if not track.gaping and index % DETECT_EVERY:
        return points
    again = second_look(picture, points, track.points.last if track.gaping and not track.doubtful else points)
    track.gaping = again is not points
    return again


def _is_detected(points: np.ndarray, boxes: np.ndarray) -> bool:
    """Whether the detector sees this face too: a mesh laid where a face was may hold on to hair or a hand."""
    return any(overlap(box, box_of(points)) > 0.3 for box in boxes)


def _match_tracks(tracks: list[_Track], faces: list[np.ndarray], picture: np.ndarray) -> list[_Track | None]:
    """For each face the track it continues, or None: least total cost of box overlap and landmark distance."""
    cost = np.array([[_distance(t, points) for t in tracks] for points in faces]).reshape(len(faces), len(tracks))
    matched: list[_Track | None] = [None] * len(faces)
    for row, column in assign(cost):
        if cost[row, column] < FAR and _continues(tracks[column], picture, faces[row]):
            matched[row] = tracks[column]
    return matched


def _continues(track: _Track, picture: np.ndarray, points: np.ndarray) -> bool:
    """Whether the same shot goes on. Two frames of a shot look alike even when the light changes."""
    if not track.doubtful:
        return True
    before, now = (sights.look(chip) for chip in (track.look, _chip(picture, points)))
    return bool(np.corrcoef(before, now)[0, 1] > SAME_LOOK)


def _chip(picture: np.ndarray, points: np.ndarray) -> np.ndarray:
    return align.cut_chip(picture, points, QUALITY_CHIP)[0]


def _distance(track: _Track, points: np.ndarray) -> float:
    """0 for the same place, 1 and more for boxes that do not meet."""
    last = track.points.last
    size = max(float(np.ptp(last[:, 0])), 1.0)
    moved = np.linalg.norm(points[align.STABLE, :2] - last[align.STABLE, :2], axis=1).mean() / size
    return 1 - overlap(track.boxes[-1], box_of(points)) + float(moved)


def assign(cost: np.ndarray) -> list[tuple[int, int]]:
    """Pairs (row, column) with the least total cost, min(R, C) of them, for a cost matrix [R, C].

    Hungarian method with potentials (Jonker & Volgenant, Computing 38, 1987); scipy is no dependency of emollm.
    """
    rows, columns = cost.shape
    if rows > columns:
        return sorted((row, column) for column, row in assign(cost.T))
    row_price, column_price = np.zeros(rows + 1), np.zeros(columns + 1)
    row_of = np.full(columns + 1, rows)  # the last entry stands for "not yet assigned"
    for row in range(rows):
        row_of[columns], column = row, columns
        best, via, done = np.full(columns, np.inf), np.full(columns, columns), np.zeros(columns + 1, bool)
        while row_of[column] != rows:
            done[column] = True
            slack = cost[row_of[column]] - row_price[row_of[column]] - column_price[:columns]
            better = ~done[:columns] & (slack < best)
            best[better], via[better] = slack[better], column
            following = int(np.where(done[:columns], np.inf, best).argmin())
            step = best[following]
            row_price[row_of[done]] += step
            column_price[done] -= step
            best[~done[:columns]] -= step
            column = following
        while column != columns:  # turn the path of alternatives around
            row_of[column], column = row_of[via[column]], via[column]
        row_of[columns] = rows
    return sorted((int(row_of[c]), c) for c in range(columns) if row_of[c] != rows)


@dataclass
class _Glance:
    """A frame at 64x36 grey, enough to see a cut."""

    grey: np.ndarray
    histogram: np.ndarray

    @classmethod
    def from_picture(cls, picture: np.ndarray) -> _Glance:
        height, width = picture.shape[:2]
        grey = picture[height // 72::max(height // 36, 1), width // 128::max(width // 64, 1)].mean(2)
        return cls(grey, np.bincount((grey / 16).astype(int).ravel(), minlength=16) / grey.size)

    def change_from(self, before: _Glance) -> float:
        difference = np.abs(self.grey - before.grey).mean()
        return float(difference * np.abs(self.histogram - before.histogram).sum() / 2)


def _finish(track: _Track, face_id: int, media: Media) -> FaceTrack:
    track.settle()
    boxes = np.array(track.boxes)
    quality = Quality(size=boxes[:, 2] - boxes[:, 0], blur=np.array(track.blur), visible=np.array(track.visible))
    return FaceTrack(face_id=face_id, frames=np.array(track.frames), times=np.array(track.times), boxes=boxes,
                     landmarks=track.points.array(), pose=np.array(track.poses), quality=quality,
                     picture_size=(media.width, media.height), looks=np.array(track.looks), covers=np.array(track.covers))


def chips(media: Media, track: FaceTrack, frames: Sequence[int] | np.ndarray, size: int,
          cache: ChipCache | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Aligned chips [K, size, size, 3] uint8 and their maps chip -> picture px [K, 2, 3].

    frames: K positions within the track (not frame numbers), in any order. cache: as follow() filled it; only frames
    that it does not hold are read again. Raises InputError when the media no longer holds one of them.
    """
    positions = [int(p) for p in frames]
    at_frame: dict[int, list[int]] = {}
    cut, maps = np.zeros((len(positions), size, size, 3), np.uint8), np.zeros((len(positions), 2, 3))
    for row, position in enumerate(positions):
        known = cache and cache.size == size and cache.get(int(track.frames[position]), track.landmarks[position])
        if known:
            cut[row], maps[row] = known
        else:
            at_frame.setdefault(int(track.frames[position]), []).append(row)
    for index, _, picture in media.frames(at_frame):
        for row in at_frame.pop(index):
            cut[row], maps[row] = align.cut_chip(picture, track.landmarks[positions[row]], size)
    if at_frame:
        raise InputError(f"{media.name}: frame {min(at_frame)} cannot be read again. Was the file changed?")
    return cut, maps
