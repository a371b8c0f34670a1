"""A clip with its explanation running along: regions where a movement shows while it lasts, levels of the moment, a timeline.

One film a face, as long as the part of the clip that was read, H.264 in MP4, without sound. The levels are those of the
explanation's evidence (edited, where it was), the regions lie on the face as it is followed in each frame.
"""

from __future__ import annotations

import os
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from emollm import progress
from emollm.explanation import DISCLOSURE, NOT_ENOUGH, NOTHING_MOVED, Explanation
from emollm.facs.readings import region_patches, region_polygon
from emollm.facs.units import ACTION_UNITS
from emollm.files import cannot_write
from emollm.output.moments import moving_units
from emollm.output.pens import BACK, COLOURS, FAINT, INK, LINE, PAPER, fold, font, rgb, tag
from emollm.output.regions import draw_tags, moment, moment_box
from emollm.output.strip import Strip, colours_of, phase_at, strongest_side
from emollm.perception.events import side_and_strength
from emollm.perception.media import Media
from emollm.schema import ON, SIDES, FaceTrack, au_index

MIN_VIEW, MAX_VIEW = 480, 960  # px, longer side of the shown picture
ROWS = 12  # action units beside the picture, the strongest
TICK = 1000  # of a second, the film's clock
FILL, STRONG_FILL = 0.18, 0.5  # opacity of a region at ON and at 5


def write(path: str | os.PathLike, media: Media, track: FaceTrack, explanation: Explanation) -> None:
    """Write the film of one face, whole or not at all.

    media: a clip. track: the explained face in it, every frame. Raises InputError when the place cannot be written.
    """
    target, sheet = Path(path), _Sheet(media, track, explanation)
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
            part = Path(folder) / "part.mp4"
            _encode(part, media, sheet)
            os.replace(part, target)
    except OSError as error:
        raise cannot_write(path, error) from None


def _encode(path: Path, media: Media, sheet: _Sheet) -> None:
    import av

    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(media.fps or 25).limit_denominator(TICK),
                                      options={"crf": "21", "preset": "veryfast"})
        stream.pix_fmt, (stream.width, stream.height) = "yuv420p", sheet.size
        stream.codec_context.time_base = Fraction(1, TICK)
        begun, last = None, -1
        for index, time, picture in progress.track(media.frames(), f"drawing face {sheet.track.face_id}", media.count):
            begun = time if begun is None else begun
            last = max(last + 1, round((time - begun) * TICK))  # times must rise
            frame = av.VideoFrame.from_ndarray(sheet.draw_frame(index, time, picture), format="rgb24")
            frame.pts, frame.time_base = last, Fraction(1, TICK)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


class _Sheet:
    """What does not move, drawn once, and the rest of every frame on a copy of it."""

    def __init__(self, media: Media, track: FaceTrack, explanation: Explanation):
        self.track, self.explanation = track, explanation
        longer = max(media.width, media.height)
        self.scale = min(max(longer, MIN_VIEW), MAX_VIEW) / longer
        self.view = tuple(max(2, round(side * self.scale)) for side in (media.width, media.height))
        self.unit = max(13, round(max(self.view) / 56))  # text height, px
        self.units = moving_units(explanation)[:ROWS]
        self.colours = colours_of(self.units)
        self.panel = round(self.unit * 21)
        # An edge of odd length cannot be coded, and what is shown begins at 0 s of the part that was read.
        width, start = (self.view[0] + self.panel) // 2 * 2, media.cut.start or 0.0
        span = (start, max([float(track.times[-1]), min(media.duration or 0.0, media.cut.end or media.duration or 0.0)]))
        self.strip = Strip(explanation, self.units, self.colours, width, self.unit, span)
        self.series = self.strip.series
        self.middle = max(self.view[1], round(self.unit * (4.2 + 2.9 * max(1, len(self.units)))))
        self.still = self._still(width)
        self.size = self.still.size
        self.row_of = {int(frame): row for row, frame in enumerate(track.frames)}
        steps = np.diff(self.series.times)
        self.near = 1.5 * float(np.median(steps)) if len(steps) else 1.0  # s from a measured moment that still shows it
        self.levels = {au: strongest_side(self.series, au) for au in self.units}

    def _still(self, width: int) -> Image.Image:
        foot, unit = self._foot(width), self.unit
        height = (self.middle + self.strip.image.height + foot.height + 1) // 2 * 2
        still = Image.new("RGB", (width, height), BACK)
        still.paste(PAPER, (self.view[0], 0, width, self.middle))
        still.paste(self.strip.image, (0, self.middle))
        still.paste(foot, (0, self.middle + self.strip.image.height))
        pen, left = ImageDraw.Draw(still), self.view[0] + unit
        pen.text((left, unit), "Movement now", font=font(unit * 1.2), fill=INK)
        for k, au in enumerate(self.units):
            top = self._top(k)
            tag(pen, (left, top, left + unit * 3.6, top + unit * 1.5), au, self.colours[au], unit)
            pen.text((left + unit * 4.2, top + unit * 0.75), ACTION_UNITS[au].title, font=font(unit), fill=INK, anchor="lm")
        if not self.units:
            pen.text((left, self._top(0)), NOTHING_MOVED, font=font(unit), fill=INK)
        return still

    def _foot(self, width: int) -> Image.Image:
        """The reading of the whole clip, what the reader must know of it, and the disclosure."""
        unit, explanation = self.unit, self.explanation
        reading = f"{explanation.label}, confidence {explanation.confidence:.2f}" if explanation.label else NOT_ENOUGH
        texts = [(notice, COLOURS[0]) for notice in explanation.notices] + [(DISCLOSURE, FAINT)]
        lines = [(line, colour) for words, colour in texts for line in fold(words, font(unit * 0.8), width - 2.4 * unit)]
        foot = Image.new("RGB", (width, round(unit * (3.1 + 1.2 * len(lines)))), BACK)
        pen = ImageDraw.Draw(foot)
        pen.text((unit * 1.2, unit * 0.8), f"the clip as a whole is commonly read as {reading}" if explanation.label
                 else f"the clip as a whole: {reading}", font=font(unit), fill=INK)
        for k, (line, colour) in enumerate(lines):
            pen.text((unit * 1.2, unit * (2.4 + 1.2 * k)), line, font=font(unit * 0.8), fill=colour)
        return foot

    def _top(self, row: int) -> int:
        return round(self.unit * (3.4 + 2.9 * row))

    def draw_frame(self, index: int, time: float, picture: np.ndarray) -> np.ndarray:
        """One frame of the film, [H, W, 3] uint8."""
        import cv2

        shrinks = self.scale < 1
        view = cv2.resize(picture, self.view, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
        position = int(np.argmin(abs(self.series.times - time)))
        measured = abs(self.series.times[position] - time) <= self.near
        row = self.row_of.get(index)
        phase = phase_at(self.explanation.phases, time)
        caption = f"{time:.2f} s" + (f"   now read as {phase['label']} ({phase['confidence']:.2f})" if phase else "")
        image = self._draw_regions(view, row, position, caption) if measured and row is not None else Image.fromarray(view)
        moment(image, caption, self.unit)
        canvas = self.still.copy()
        canvas.paste(image, (0, (self.middle - self.view[1]) // 2))
        pen = ImageDraw.Draw(canvas)
        self._bars(pen, position if measured else None)
        self.strip.mark(pen, time, self.middle)
        return np.asarray(canvas)

    def _draw_regions(self, view: np.ndarray, row: int, position: int, caption: str) -> Image.Image:
        """The picture with the face's box and the regions of what moves now, the strongest on top, and their tags. caption:
        what will be written over it."""
        import cv2

        points = (self.track.landmarks[row][:, :2] + 0.5) * self.scale
        box = (self.track.boxes[row] + 0.5) * self.scale
        corners = [tuple(int(v) for v in box[k:k + 2].round()) for k in (0, 2)]
        for colour, stroke in (((0, 0, 0), 3), ((255, 255, 255), 1)):  # seen on light and dark
            cv2.rectangle(view, *corners, colour, stroke, cv2.LINE_AA)
        outlines = {}
        for au, (side, level) in sorted(self._current_levels(position).items(), key=lambda one: one[1][1]):
            whole = region_polygon(au, side, points)
            outlines[au], tinted = [tuple(p) for p in whole], view.copy()
            rings = [np.round(np.array(ring) * 16).astype(np.int32) for ring in region_patches(au, side, points) or [whole]]
            cv2.fillPoly(tinted, rings, rgb(self.colours[au]), cv2.LINE_AA, shift=4)
            share = FILL + (STRONG_FILL - FILL) * (level - ON) / (5 - ON)
            view = cv2.addWeighted(tinted, share, view, 1 - share, 0)
            cv2.polylines(view, rings, True, rgb(self.colours[au]), 2, cv2.LINE_AA, shift=4)
        image = Image.fromarray(view)
        draw_tags(image, outlines, self.colours, self.unit, box.tolist(), moment_box(image.size, caption, self.unit))
        return image

    def _current_levels(self, position: int) -> dict[str, tuple[str, float]]:
        """Side and strength of every shown unit that is on at a measured moment."""
        movements = {}
        for au in self.units:
            left, right = self.series.intensity[position, au_index(au)]
            side, level = side_and_strength(*np.nan_to_num([left, right], nan=np.nanmax([left, right, 0])))
            if level >= ON:
                movements[au] = (SIDES[int(side)], float(level))
        return movements

    def _bars(self, pen: ImageDraw.ImageDraw, position: int | None) -> None:
        unit, left = self.unit, self.view[0] + self.unit
        right = self.view[0] + self.panel - round(unit * 4)
        for k, au in enumerate(self.units):
            top = self._top(k) + unit * 1.8
            level = np.nan if position is None else self.levels[au][position]
            pen.rounded_rectangle((left, top, right, top + unit * 0.5), radius=unit / 4, fill=LINE)
            if (length := (right - left) * np.nan_to_num(level) / 5) > unit / 2:
                pen.rounded_rectangle((left, top, left + length, top + unit * 0.5), radius=unit / 4, fill=self.colours[au])
            pen.text((right + unit * 0.6, top + unit * 0.25), "unseen" if np.isnan(level) else f"{level:.1f}",
                     font=font(unit * 0.85), fill=FAINT, anchor="lm")
