"""Captioning as one would write it first: a clip at a time, all its frames in memory, the face sought in every one.

    python bench/naive/caption.py CLIP [CLIP ...]

No tracking between frames, no second process, one answer at a time. Measuring from the mesh on and the model are the
library's. One JSON line a clip on stdout: its path, the seconds it took, and the explanation of its largest face.
"""

import argparse
import json
import time

import av
import numpy as np

from emollm.explainer import PreparedSource, Subject, answer
from emollm.model.engine import engine
from emollm.perception import align, mesh
from emollm.perception.events import events, key_frames
from emollm.perception.face import QUALITY_CHIP, sharpness
from emollm.perception.measure import series
from emollm.schema import FaceTrack, Quality


def caption(path: str, model) -> list[dict]:
    with av.open(path) as container:
        stream = container.streams.video[0]
        decoded = [(float(f.pts * stream.time_base), f.to_ndarray(format="rgb24")) for f in container.decode(stream)]
    found = []
    for index, (at, picture) in enumerate(decoded):
        faces = mesh.measure_boxes(picture, mesh.find(np.ascontiguousarray(picture), tiles=False), limit=1)
        found += [(index, at, faces[0])] if faces else []
    frames, times, points = (np.array(column) for column in zip(*found, strict=True))
    boxes = np.array([mesh.box_of(p) for p in points])
    looks = [align.cut_chip(decoded[i][1], p, QUALITY_CHIP)[0] for i, p in zip(frames, points, strict=True)]
    height, width = decoded[0][1].shape[:2]
    quality = Quality(boxes[:, 2] - boxes[:, 0], np.array([sharpness(c) for c in looks]), np.ones(len(frames)))
    poses = np.array([mesh.pose(p) for p in points])
    track = FaceTrack(0, frames, times, boxes, points, poses, quality, (width, height))
    measured = series(track, "clip")
    seen = events(measured)
    keys = key_frames(measured, seen, model.shape.max_key_frames)
    chips = np.stack([align.cut_chip(decoded[frames[k]][1], points[k], model.shape.chip_size)[0] for k in keys])
    subject = Subject(measured, track, seen, keys, chips=chips)
    return [e.to_dict() for e in answer([PreparedSource(path, [subject])], model, [None])[0]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="+", metavar="CLIP")
    clips, model = parser.parse_args().clips, engine("pocket")
    for path in clips:
        start = time.perf_counter()
        found = caption(path, model)
        print(json.dumps({"path": path, "seconds": time.perf_counter() - start, "explanations": found}), flush=True)


if __name__ == "__main__":
    main()
