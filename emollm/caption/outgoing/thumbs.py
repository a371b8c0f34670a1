"""Small JPEGs for the report, decoded in a child process: a file that crashes its decoder costs one thumbnail.

The child (`python -m emollm.caption.outgoing.thumbs`) answers one JSON line for every one it is given; no torch,
no face models.
"""

from __future__ import annotations

import base64
import io
import json
import os
import select
import subprocess
import sys

HEIGHT = 132  # px
ROOM = 0.35  # picture kept around a face, in face sizes
QUALITY = 78
SECONDS = 60.0  # for one file
MEMORY_GB = 4.0  # address space of the child, libraries included


class Thumbnails:
    """The child process, started when it is needed and again after a crash."""

    def __init__(self):
        self.process: subprocess.Popen | None = None

    def make_all(self, source: str | bytes, moments: list[tuple[float, list[float]]]) -> tuple[str, list[str]]:
        """sha256 of the media and one data URI a moment (time s, face box px or empty); "" and [] when it cannot be read."""
        named = {"path": source} if isinstance(source, str) else {"content": base64.b64encode(source).decode()}
        try:
            answer = json.loads(self._ask(json.dumps(named | {"moments": moments})))
        except (OSError, ValueError):
            self.close()
            return "", []
        return answer["sha256"], answer["thumbnails"]

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def __enter__(self) -> Thumbnails:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def _ask(self, line: str) -> bytes:
        if self.process is None:
            self.process = subprocess.Popen([sys.executable, "-m", "emollm.caption.outgoing.thumbs"], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                            env={**os.environ, "OMP_NUM_THREADS": "1"})
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], SECONDS)[0]:
            return b""
        return self.process.stdout.readline()


def thumbnail(picture, box: list[float]) -> str:
    """Data URI of a face, or of the whole picture without one. picture: [H, W, 3] uint8 RGB."""
    from PIL import Image

    image = Image.fromarray(picture)
    if box:
        room = ROOM * max(box[2] - box[0], box[3] - box[1])
        area = (max(0, box[0] - room), max(0, box[1] - room), min(image.width, box[2] + room), min(image.height, box[3] + room))
        if area[2] - area[0] >= 1 and area[3] - area[1] >= 1:
            image = image.crop(tuple(round(v) for v in area))
    image.thumbnail((2 * HEIGHT, HEIGHT))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"


def _answer(line: bytes) -> dict:
    from emollm.output import render
    from emollm.perception import media

    asked = json.loads(line)
    source = asked["path"] if "path" in asked else base64.b64decode(asked["content"])
    pictures = {}
    for time, _ in asked["moments"]:
        if time not in pictures:
            pictures[time] = render.frame_at(source, time)
    made = [thumbnail(pictures[time], box) for time, box in asked["moments"]]
    return {"sha256": media.digest(source), "thumbnails": made}


def _serve() -> None:
    """Answer line after line; whatever cannot be read gets no thumbnail."""
    from emollm.schema import InputError

    _limit_memory()
    for line in sys.stdin.buffer:
        try:
            answer = _answer(line)
        except (InputError, MemoryError):
            answer = {"sha256": "", "thumbnails": []}
        print(json.dumps(answer), flush=True)


def _limit_memory() -> None:
    import resource

    limit = int(MEMORY_GB * 2**30)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would keep pictures of people


if __name__ == "__main__":
    _serve()
