"""MediaPipe's face models as three graphs: full-range detector, mesh of a framed face, mesh of a face whose place is known.

MediaPipe 0.10.21 is the last release that carries them, so it is pinned, and its graph interface may be used as it stands.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

MIN_SCORE = 0.5  # of the detector
GREY = 128
# Bytes of a landmark in its message: tag and length, then x, y and z, each a tag and a float.
RECORD, TAGS, FLOATS = 17, [0, 1, 2, 7, 12], [3, 4, 5, 6, 8, 9, 10, 11, 13, 14, 15, 16]
# The mesh of a region that is given: FaceMesh would first search the picture for a face, a third of its time.
PLACED_MESH = """
    input_stream: "picture" input_stream: "region" input_side_packet: "attention" output_stream: "landmarks"
    node {
      calculator: "FaceLandmarkCpu"
      input_stream: "IMAGE:picture" input_stream: "ROI:region" input_side_packet: "WITH_ATTENTION:attention"
      output_stream: "LANDMARKS:landmarks"
    }"""


def detect(picture: np.ndarray) -> np.ndarray:
    """Full-range detector on [H, W, 3] uint8 RGB: [N, 5], x0 y0 x1 y1 px and score."""
    height, width = picture.shape[:2]
    models = load_models()
    with models.detecting:
        detections = models.detector.process(np.ascontiguousarray(picture)).detections or []
    boxes = [(d.location_data.relative_bounding_box, d.score[0]) for d in detections]
    return np.array([[b.xmin * width, b.ymin * height, (b.xmin + b.width) * width, (b.ymin + b.height) * height, score]
                     for b, score in boxes]).reshape(-1, 5)


def mesh(framed: np.ndarray) -> np.ndarray | None:
    """Landmarks [478, 3] in px of the face in a square picture [S, S, 3] uint8 RGB, counted from its edge; None without one."""
    models = load_models()
    if models.quiet:
        faces = models.mesh.process(framed).multi_face_landmarks
    else:
        with _LOADING, _silence():  # its last start-up warning comes with the first face
            faces = models.mesh.process(framed).multi_face_landmarks
        models.quiet = bool(faces)
    return mesh_array(faces[0], len(framed)) if faces else None


def mesh_at(framed: np.ndarray, centre: np.ndarray, side: float, turn: float) -> np.ndarray | None:
    """As mesh(), of the face in one square region: its centre [2] and side in px, and its turn in the picture in radians."""
    return load_models().placed(framed, centre, side, turn)


def mesh_array(landmarks: Any, side: int) -> np.ndarray:
    """Landmarks [478, 3] in px of a picture of `side` px, from a NormalizedLandmarkList.

    Read from the message's bytes, where each landmark is a record of one length: asking the 478 objects one by one takes
    five times as long (.50 and .09 ms). Those that hold more than x, y and z are asked.
    """
    count, message = len(landmarks.landmark), landmarks.SerializeToString()
    if count and len(message) == count * RECORD:
        records = np.frombuffer(message, np.uint8).reshape(count, RECORD)
        if (records[:, TAGS] == records[0, TAGS]).all():
            return records[:, FLOATS].copy().view("<f4").astype(float) * side
    return np.array([(p.x, p.y, p.z) for p in landmarks.landmark]) * side


class _PlacedMesh:
    def __init__(self):
        import mediapipe
        from google.protobuf import text_format
        from mediapipe.framework import calculator_pb2
        from mediapipe.framework.formats.rect_pb2 import NormalizedRect
        from mediapipe.python import packet_creator, packet_getter
        from mediapipe.python._framework_bindings import calculator_graph, image_frame, resource_util

        resource_util.set_resource_dir(os.path.dirname(os.path.dirname(mediapipe.__file__)))
        self.create, self.get = packet_creator, packet_getter
        self.rectangle, self.format = NormalizedRect, image_frame.ImageFormat
        self.graph = calculator_graph.CalculatorGraph(
            graph_config=text_format.Parse(PLACED_MESH, calculator_pb2.CalculatorGraphConfig()))
        self.found, self.count = None, 0
        self.graph.observe_output_stream("landmarks", self._keep, True)
        self.graph.start_run({"attention": packet_creator.create_bool(True)})

    def _keep(self, stream: str, packet: Any) -> None:
        self.found = None if packet.is_empty() else packet

    def __call__(self, framed: np.ndarray, centre: np.ndarray, side: float, turn: float) -> np.ndarray | None:
        self.found, self.count = None, self.count + 1
        whole = len(framed)
        region = self.rectangle(x_center=centre[0] / whole, y_center=centre[1] / whole, width=side / whole,
                                height=side / whole, rotation=turn)
        picture = self.create.create_image_frame(framed, image_format=self.format.SRGB)
        self.graph.add_packet_to_input_stream("picture", picture.at(self.count))
        self.graph.add_packet_to_input_stream("region", self.create.create_proto(region).at(self.count))
        self.graph.wait_until_idle()
        return None if self.found is None else mesh_array(self.get.get_proto(self.found), whole)


@dataclass
class _Models:
    detector: Any
    mesh: Any
    placed: Any
    detecting: threading.Lock = field(default_factory=threading.Lock)  # the thread that reads ahead has this detector too
    quiet: bool = False  # the mesh has warned about everything it warns about once


class _Local(threading.local):
    """MediaPipe's graphs are not thread-safe: one set a thread, made at first use."""

    models: _Models | None = None


_LOCAL = _Local()
_LOADING = threading.Lock()


def share_detector(models: _Models) -> None:
    """Let this thread search for faces with the models of another, which goes on to lay meshes."""
    _LOCAL.models = models


def load_models() -> _Models:
    """Those of this thread."""
    if _LOCAL.models is None:
        with _LOADING, _silence():
            from mediapipe.python.solutions.face_detection import FaceDetection
            from mediapipe.python.solutions.face_mesh import FaceMesh

            detector = FaceDetection(model_selection=1, min_detection_confidence=MIN_SCORE)
            mesh = FaceMesh(static_image_mode=True, max_num_faces=1, refine_landmarks=True)
            placed = _PlacedMesh()
            blank = np.full((192, 192, 3), GREY, np.uint8)
            detector.process(blank)  # the graphs complain at their first picture, so that must happen in here
            mesh.process(blank)
            placed(blank, np.array([96, 96]), 96, 0.0)
        _LOCAL.models = _Models(detector, mesh, placed)
    return _LOCAL.models


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep MediaPipe's start-up chatter (C++ warnings, a caught AttributeError about MessageFactory) off stderr."""
    os.environ.setdefault("GLOG_minloglevel", "3")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        sys.stderr.flush()
        stderr = os.dup(2)
    except (OSError, AttributeError, ValueError):  # no stderr, nothing to keep clean
        yield
        return
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
