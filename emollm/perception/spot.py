"""Brief movements (at most BRIEF seconds from onset to offset), told from noise by optical flow on the aligned face.

A brief movement goes and comes back: the skin of a region moves one way within REACH seconds and the other way within the
next. For each frame the dense flow (DIS; Kroeger et al., ECCV 2016) from the frame REACH earlier is averaged over every
region, less the motion of the rigid parts of the face. Where the two halves point against each other, the smaller of them is
a displacement that was made and undone; a drift, a step, a held expression and a turning head have none.

A displacement counts from LEAST of the eyes' distance and NOISE times what is usual in that region of that clip. Around such
an apex the clip is looked at again: onset and offset by the flow from the apex, and the strain of the skin between onset and
apex (Shreve et al., FG 2011), which a trembling alignment does not make. What is brief because of a blink is left out.
How often resting clips raise a false alarm: docs/formats.md. Left and right are the person's own.
T = frames, R = regions, S = CHIP.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from emollm.perception import align
from emollm.perception.media import Media
from emollm.schema import MICRO_SECONDS, FaceTrack

BRIEF = MICRO_SECONDS
CHIP = 128  # px
REACH = 0.24  # s: half of the longest brief movement, so that its apex is seen against rest on both sides
LEAST = 1.2  # % of the distance of the outer eye corners
NOISE = 3.0  # times the upper quartile of the region's displacements in the clip
LEAST_STRAIN = 0.01  # mean strain of the skin between onset and apex, 1 = doubled in length
END = 0.2  # share of the displacement that is left at onset and offset
AROUND = 0.52  # s looked at on each side of an apex
MIN_RATE = 12.0  # frames a second; with fewer, half a second cannot be seen
SHUT = 0.5  # of the usual opening of the lids; below it the eye blinks
PATCH = 13  # px of the chip, side of the square averaged around a landmark

# Region -> landmarks of the person's right half, and the action units that move it up, down or out in the picture.
REGIONS = {
    "inner brow": ((55, 107, 66), {"up": ("AU01",), "down": ("AU04",), "in": ("AU04",)}),
    "outer brow": ((46, 53, 70), {"up": ("AU02",), "down": ("AU04",)}),
    "lower eyelid": ((145, 153, 144), {"up": ("AU06", "AU07")}),
    "nose wing": ((49, 129, 203), {"up": ("AU09", "AU10")}),
    "mouth corner": ((61, 57, 185), {"up": ("AU12",), "out": ("AU12", "AU14", "AU20"), "down": ("AU15",), "in": ("AU18",)}),
    "upper lip": ((37, 39), {"up": ("AU10",), "down": ("AU28",)}),
    "chin": ((148, 176, 201), {"up": ("AU17",), "down": ("AU26",)}),
}
OTHER_HALF = {55: 285, 107: 336, 66: 296, 46: 276, 53: 283, 70: 300, 145: 374, 153: 380, 144: 373, 49: 279, 129: 358, 203: 423,
              61: 291, 57: 287, 185: 409, 37: 267, 39: 269, 148: 377, 176: 400, 201: 421}
UPPER = ("inner brow", "outer brow", "lower eyelid")  # what a blink moves too
PLACES = tuple((region, side) for region in REGIONS for side in ("left", "right"))  # R
LIDS = ((386, 374), (159, 145))  # upper and lower lid of the left and the right eye
# Rows of align.STABLE that expressions spare: bridge of the nose and temples. They lie at known places of every chip.
RIGID = align.CANONICAL[[4, 5, 6, 7, 14, 15, 16, 17]] * CHIP
PERCENT = 100 / ((align.CANONICAL[3, 0] - align.CANONICAL[0, 0]) * CHIP)  # % of the eyes' distance in a chip pixel


@dataclass(frozen=True)
class BriefMovement:
    """One brief movement. `units`: the action units that move this region so, none for some directions."""

    face_id: int
    region: str
    side: str
    direction: str  # up | down | out | in; "in" and "out" by the midline
    units: tuple[str, ...]
    onset: float  # s
    apex: float
    offset: float
    displacement: float  # % of the distance of the outer eye corners
    strain: float


def spot(media: Media, track: FaceTrack) -> list[BriefMovement]:
    """Brief movements of one face of a clip, in order of time; none below MIN_RATE frames a second or in a photo.

    Decodes the clip once for all frames and once more around what may be a movement.
    """
    times = np.asarray(track.times, dtype=float)
    reach = round(REACH * (len(times) - 1) / (times[-1] - times[0])) if len(times) > 1 else 0
    if reach < REACH * MIN_RATE or len(times) < 3 * reach:
        return []
    moved = np.array(list(_motions(media, track, reach)))  # [T - reach, R, 2]
    undone = np.where(_usable_frames(track, reach), brief_displacement(moved, reach), 0.0)
    least = np.maximum(LEAST, NOISE * np.quantile(undone, 0.75, axis=0))  # [R]
    apexes = [(t, r) for r in range(len(PLACES)) for t in _peaks(undone[:, r], least[r], reach)]
    movements = [_inspect_apex(media, track, t, r, float(least[r])) for t, r in apexes]
    return drop_doubles([movement for movement in movements if movement is not None])


# --- flow --------------------------------------------------------------------------------------------------------

class Flow:
    """Motion of the regions between two aligned chips, without that of the rigid parts of the face."""

    def __init__(self) -> None:
        import cv2

        self.dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)

    def compute(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """Flow [S, S, 2] in chip px from one grey chip [S, S] to another."""
        flow = self.dis.calc(before, after, None)
        return flow - rigid_motion(flow)


def rigid_motion(flow: np.ndarray) -> np.ndarray:
    """Shift, zoom and turn that explain the motion of RIGID (least squares), as a flow [S, S, 2]: what the alignment left."""
    moved = _average_patches(flow, RIGID)
    x, y = (RIGID - CHIP / 2).T
    one, none = np.ones(len(RIGID)), np.zeros(len(RIGID))
    equations = np.concatenate([np.stack([one, none, x, -y], axis=1), np.stack([none, one, y, x], axis=1)])
    right, down, zoom, turn = np.linalg.lstsq(equations, moved.T.ravel(), rcond=None)[0]
    rows, columns = np.indices(flow.shape[:2], dtype=np.float32) - CHIP / 2
    return np.stack([right + zoom * columns - turn * rows, down + zoom * rows + turn * columns], axis=2)


def _average_patches(field: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Mean of a field [S, S, ...] over squares of PATCH px around points [N, 2] (x, y), [N, ...]."""
    import cv2

    smooth = cv2.blur(field, (PATCH, PATCH), borderType=cv2.BORDER_REPLICATE)
    x, y = np.clip(np.round(at).astype(int), 0, CHIP - 1).T
    return smooth[y, x]


def _region(points: np.ndarray, place: int) -> np.ndarray:
    """Landmarks of one region and side on a chip, [N, 2], from all of them [478, 2]."""
    region, side = PLACES[place]
    right = REGIONS[region][0]
    return points[list(right) if side == "right" else [OTHER_HALF[p] for p in right]]


def _motions(media: Media, track: FaceTrack, reach: int) -> Iterator[np.ndarray]:
    """Mean motion [R, 2] of every region from each frame to the one `reach` later, % of the eyes' distance."""
    flow, before = Flow(), deque(maxlen=reach + 1)
    for chip, points in _chips(media, track, range(len(track.frames))):
        before.append((chip, points))
        if len(before) > reach:
            first, places = before[0]
            motion = flow.compute(first, chip)
            yield PERCENT * np.array([_average_patches(motion, _region(places, r)).mean(0) for r in range(len(PLACES))])


def _chips(media: Media, track: FaceTrack, positions: range) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Grey aligned chip [S, S] and the landmarks on it [478, 2] at positions of the track."""
    import cv2

    at = {int(track.frames[p]): p for p in positions}
    for index, _, picture in media.frames(at):
        landmarks = track.landmarks[at[index]]
        chip, to_picture = align.cut_chip(picture, landmarks, CHIP)
        yield cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY), align.apply(align.invert(to_picture), landmarks[:, :2])


# --- candidates --------------------------------------------------------------------------------------------------

def brief_displacement(moved: np.ndarray, reach: int) -> np.ndarray:
    """Displacement [T, R] that was made in the `reach` frames before each and undone in those after it; 0 at the ends.

    moved: [T - reach, R, 2], row t is the motion from frame t to frame t + reach.
    """
    made, undoing = moved[:-reach], -moved[reach:]  # both belong to apex t + reach
    middle = made + undoing
    along = middle / np.maximum(np.linalg.norm(middle, axis=2, keepdims=True), 1e-9)
    smaller = np.minimum((made * along).sum(2), (undoing * along).sum(2))
    return np.pad(np.clip(smaller, 0, None), ((reach, reach), (0, 0)))


def _usable_frames(track: FaceTrack, reach: int) -> np.ndarray:
    """[T, R]: whether the face was followed without a gap around a frame and, for the regions around the eyes, no blink."""
    times, frames = np.asarray(track.times, dtype=float), len(track.times)
    whole = np.zeros(frames, bool)
    whole[reach:frames - reach] = times[2 * reach:] - times[:-2 * reach] < 3 * REACH
    points = np.asarray(track.landmarks, dtype=float)
    opening = np.stack([np.linalg.norm(points[:, a, :2] - points[:, b, :2], axis=1) for a, b in LIDS], axis=1)  # [T, 2]
    shut = (opening < SHUT * np.median(opening, axis=0)).any(1)
    blinks = np.convolve(shut, np.ones(2 * reach + 1), "same") > 0
    eyes = np.array([region in UPPER for region, _ in PLACES])
    return whole[:, None] & ~(blinks[:, None] & eyes)


def _peaks(values: np.ndarray, least: float, reach: int) -> list[int]:
    """Frames where values [T] are at least `least` and the highest within `reach` frames."""
    high = np.flatnonzero(values >= least)
    return [int(t) for t in high if t == t - reach + np.argmax(values[t - reach:t + reach + 1])]


def _inspect_apex(media: Media, track: FaceTrack, apex: int, place: int, least: float) -> BriefMovement | None:
    """The movement around an apex with its onset and offset; None when it is not brief, too small or does not strain."""
    times = np.asarray(track.times, dtype=float)
    near = np.flatnonzero(abs(times - times[apex]) <= AROUND)
    chips = list(_chips(media, track, range(near[0], near[-1] + 1)))
    flow, middle = Flow(), apex - near[0]
    at_apex, points = chips[middle]
    where = _region(points, place)
    # rest -> apex
    gone = PERCENT * np.array([-_average_patches(flow.compute(at_apex, chip), where).mean(0) for chip, _ in chips])
    before, after = (part[np.linalg.norm(part, axis=1).argmax()] if len(part) else np.zeros(2)
                     for part in (gone[:middle], gone[middle + 1:]))
    along = (before + after) / max(float(np.linalg.norm(before + after)), 1e-9)
    left = gone @ along  # [F] displacement of the apex against every frame
    displacement = float(min(left[:middle].max(initial=0), left[middle + 1:].max(initial=0)))
    rest = left >= (1 - END) * displacement
    starts, ends = np.flatnonzero(rest[:middle]), np.flatnonzero(rest[middle + 1:]) + middle + 1
    if displacement < least or not len(starts) or not len(ends):
        return None
    onset, offset = int(starts[-1]), int(ends[0])
    strain = strain_of(flow.compute(chips[onset][0], at_apex), _region(chips[onset][1], place))
    span = times[near[0] + onset], times[near[0] + offset]
    if span[1] - span[0] > BRIEF or strain < LEAST_STRAIN:
        return None
    region, side = PLACES[place]
    direction = direction_of(along, side)
    return BriefMovement(track.face_id, region, side, direction, REGIONS[region][1].get(direction, ()), float(span[0]),
                         float(times[apex]), float(span[1]), round(displacement, 2), round(strain, 4))


def strain_of(flow: np.ndarray, where: np.ndarray) -> float:
    """Mean magnitude of the infinitesimal strain tensor around points: stretch and shear, but no shift and no turn."""
    (xy, xx), (yy, yx) = np.gradient(flow[..., 0]), np.gradient(flow[..., 1])
    magnitude = np.sqrt(xx**2 + yy**2 + (xy + yx) ** 2 / 2).astype(np.float32)
    return float(_average_patches(magnitude, where).mean())


def direction_of(along: np.ndarray, side: str) -> str:
    """Where a region moved: x grows to the picture's right, which is the person's left; y grows down."""
    x, y = along
    if abs(y) >= abs(x):
        return "down" if y > 0 else "up"
    return "out" if (x > 0) == (side == "left") else "in"


def drop_doubles(movements: list[BriefMovement]) -> list[BriefMovement]:
    """One entry a movement: a twitch of a brow moves its neighbours too, and both sides of a face often move together.

    Within REACH, the strongest region of the upper and of the lower face stays; it is on both sides when the other side of
    it moved the same way, at least half as far.
    """
    kept: list[BriefMovement] = []
    for movement in sorted(movements, key=lambda m: -m.displacement):
        same = next((k for k, other in enumerate(kept) if abs(other.apex - movement.apex) <= REACH
                     and (other.region in UPPER) == (movement.region in UPPER)), None)
        if same is None:
            kept.append(movement)
        elif _mirrors(kept[same], movement):
            kept[same] = replace(kept[same], side="both")
    return sorted(kept, key=lambda m: (m.apex, m.region))


def _mirrors(stronger: BriefMovement, weaker: BriefMovement) -> bool:
    return ((stronger.region, stronger.direction) == (weaker.region, weaker.direction) and stronger.side != weaker.side
            and weaker.displacement >= stronger.displacement / 2)
