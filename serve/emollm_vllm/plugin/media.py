"""What a request may send, from URL to measured faces.

Checked before any decoder runs: the kind of URL, the host (exact match with the operator's list, no redirects), the size.
Decoding and measuring happen in child processes (emollm.workers). What was measured is kept by content hash, so that
later turns of a chat, the grammar of grounded answers and the model all read the same measurement. No media is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import pickle
import re
import threading
import time
from collections import Counter as Tally
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from prometheus_client import Counter, Histogram
from vllm.multimodal.media.connector import MEDIA_CONNECTOR_REGISTRY, MediaConnector

from emollm.answer import prompt
from emollm.answer.grammar import Grammar
from emollm.answer.witnesses import movements
from emollm.data_url import read_data_url, too_large_message
from emollm.model.checkpoint import Shape, shape_of
from emollm.request_fields import CHOICES
from emollm.schema import DEFAULT_MODEL, DEFAULT_PRIOR, InputError, NoFaceError
from emollm.subject import PreparedSource, Subject, with_prior
from emollm.workers import Workers
from emollm_vllm import environment
from emollm_vllm.plugin.faces import SentMedia, choose_subject
from emollm_vllm.plugin.processing import BadRequest, client_error
from emollm_vllm.plugin.request_places import place_of

MAX_BYTES = 32 * 2**20
FETCH_SECONDS = 10
KEPT_BYTES = 256 * 2**20  # of measurements
# Nothing but a plain host and path: no user part, no backslash, no blanks, over which URL parsers disagree.
_REMOTE = re.compile(r"https?://(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::\d{1,5})?(?:/[^\s\\@]*)?", re.ASCII)
SENT_AS = {"photo": "image_url", "clip": "video_url"}

MEASURING = Histogram("emollm_measuring_seconds", "Time to decode and measure one picture or clip")
NO_FACE = Counter("emollm_no_face_total", "Pictures and clips in which no face could be measured")


@dataclass
class Access:
    """What this server process may open, the shape of the model that will see it, and how common the labels are taken to be
    by requests that do not say."""

    shape: Shape | None = None
    domains: tuple[str, ...] = ()
    local_root: Path | None = None
    prior: str = DEFAULT_PRIOR


access = Access()  # of this process: vLLM makes the connector itself and hands it nothing


def configure(shape: Shape, domains: tuple[str, ...], local_root: Path | None, prior: str) -> None:
    """Set what the command line allows and prefers; nothing may be opened until then."""
    access.shape, access.domains, access.local_root, access.prior = shape, domains, local_root, prior


class Measurements:
    """Prepared media by content hash: one measurement per content even when asked for twice at once."""

    def __init__(self, workers: int, kept_bytes: int = KEPT_BYTES):
        self.workers, self.kept_bytes = Workers(workers, seconds=120), kept_bytes
        self.known: OrderedDict[tuple, Future] = OrderedDict()
        self.waiting: Tally[Future] = Tally()  # requests that wait for a measurement
        self.lock = threading.Lock()

    def measure(self, data: bytes, name: str, **asked) -> Future:
        """Future of PreparedSource; asked: baseline, what_if, ... as explain.prepare takes them."""
        shape = access.shape or shape_of(os.environ.get(environment.MODEL, DEFAULT_MODEL))
        # Not repr: it shortens long arrays, so that another request's evidence could be taken for this one's.
        exact = hashlib.sha256(pickle.dumps(sorted(asked.items()))).hexdigest()
        key = (hashlib.sha256(data).hexdigest(), name, shape, exact)
        with self.lock:
            if key in self.known and not self.known[key].cancelled():
                self.known.move_to_end(key)
                return self.known[key]
            future = self.known[key] = self.workers.submit(data, shape, name=name, **asked)
        started = time.perf_counter()
        future.add_done_callback(lambda done: self._finish(key, done, time.perf_counter() - started))
        return future

    @contextlib.contextmanager
    def count_waiting(self, future: Future) -> Iterator[None]:
        """While a request waits for a measurement. What has not begun when the last of them has left is not measured."""
        self.waiting[future] += 1
        try:
            yield
        finally:
            self.waiting[future] -= 1
            if not self.waiting[future]:
                del self.waiting[future]
                future.cancel()  # does nothing to one that has begun

    def _finish(self, key: tuple, future: Future, seconds: float) -> None:
        """Failures are not kept, and old measurements go when there are too many."""
        if not future.cancelled():
            MEASURING.observe(seconds)
        with self.lock:
            if future.cancelled() or future.exception() is not None:
                if self.known.get(key) is future:
                    del self.known[key]
                if not future.cancelled() and isinstance(future.exception(), NoFaceError):
                    NO_FACE.inc()
            total = 0
            for old in reversed(list(self.known)):
                f = self.known[old]
                total += _size(f.result()) if f.done() and not f.cancelled() and f.exception() is None else 0
                if total > self.kept_bytes:
                    del self.known[old]


def _size(prepared: PreparedSource) -> int:
    arrays = [a for s in prepared.subjects for a in (s.series.intensity, s.series.confidence, s.chips) if a is not None]
    tracks = [s.track.landmarks for s in prepared.subjects if s.track is not None]
    return sum(a.nbytes for a in (*arrays, *tracks))


_measurements: list[Measurements] = []


def measurements() -> Measurements:
    """This process's measurements, with its workers; made at first use."""
    if not _measurements:
        _measurements.append(Measurements(int(os.environ.get(environment.WORKERS, max(1, (os.cpu_count() or 2) // 2)))))
    return _measurements[0]


def check_remote(url: str, parameter: str) -> None:
    """Whether the operator allows this address. Raises InputError."""
    match = _REMOTE.fullmatch(url)
    if not access.domains:
        raise InputError(f"{parameter}: this server opens no addresses; send the media as a data URL "
                         "(data:image/jpeg;base64,...)")
    if not match:
        raise InputError(f"{parameter}: not a plain http(s) address (no user part, no blanks, no backslash)")
    if match["host"].lower() not in access.domains:
        raise InputError(f"{parameter}: host not allowed here; allowed: {', '.join(access.domains)}. Send the media as a "
                         "data URL instead.")


def read_file_url(url: str, parameter: str) -> bytes:
    """Bytes of a file below the operator's folder. Raises InputError."""
    if access.local_root is None:
        raise InputError(f"{parameter}: this server opens no files; send the media as a data URL")
    try:
        path = Path(unquote(url[len("file://"):])).resolve()
        allowed = url[:8].lower() == "file:///" and path.is_relative_to(access.local_root) and path.is_file()
    except (OSError, ValueError, RuntimeError):  # names that are too long, NUL bytes, links in a circle
        allowed = False
    if not allowed:
        raise InputError(f"{parameter}: no such file in the folder that this server may read")
    if path.stat().st_size > MAX_BYTES:
        raise InputError(too_large_message(parameter, MAX_BYTES))
    return path.read_bytes()


@MEDIA_CONNECTOR_REGISTRY.register("emollm")
class FaceConnector(MediaConnector):
    """vLLM's door for media: what comes back is not pixels but what was measured in them (`PreparedSource`)."""

    async def read(self, url: str, parameter: str) -> bytes:
        """Bytes behind a URL. Raises InputError for what may not or cannot be read."""
        kind = url[:5].lower()
        if kind == "data:":
            return await asyncio.to_thread(read_data_url, url, parameter, MAX_BYTES)
        if kind == "file:":
            return await asyncio.to_thread(read_file_url, url, parameter)
        if not kind.startswith("http"):
            raise InputError(f"{parameter}: give a data URL (data:image/jpeg;base64,...)")
        check_remote(url, parameter)
        try:
            return await self._fetch(url)
        except Exception:  # whatever the client library calls it, and without its words: they can hold addresses
            raise InputError(f"{parameter}: the address could not be fetched within {FETCH_SECONDS} s, redirects, or holds "
                             f"more than {MAX_BYTES >> 20} MB; send the media as a data URL") from None

    async def _fetch(self, url: str) -> bytes:
        """The body of a plain 200. vLLM's own way would take a redirect's body, ask three times and log the address."""
        asked = await self.connection.get_async_response(url, timeout=FETCH_SECONDS, allow_redirects=False)
        async with asked as response:
            data = bytearray()
            if response.status != 200:
                raise ValueError("no picture here")
            async for chunk in response.content.iter_chunked(2**16):
                data += chunk
                if len(data) > MAX_BYTES:
                    raise ValueError("too large")
            return bytes(data)

    async def measure(self, url: str, parameter: str, prior: str | None = None, **asked) -> PreparedSource:
        """What can be measured behind a URL; of a moving picture sent as image_url its first frame. prior: None for the
        server's. A measurement is the same under every prior, so it is made once for all. Raises InputError, NoFaceError."""
        asked |= {"still": True} if parameter == "image_url" else {}
        future = measurements().measure(await self.read(url, parameter), parameter, **asked)
        waiting = asyncio.wrap_future(future)
        waiting.add_done_callback(lambda done: done.cancelled() or done.exception())  # also when nobody waits any more
        with measurements().count_waiting(future):
            prepared = await asyncio.shield(waiting)  # others may wait for the same measurement
        return with_prior(prepared, prior or access.prior)

    async def _part(self, url: str, parameter: str) -> SentMedia | PreparedSource:
        place = place_of(url)
        try:
            prepared = await self.measure(url, parameter)
            if SENT_AS[prepared.kind] != parameter:
                raise InputError(f"{parameter}: this is a {prepared.kind}; send it as {SENT_AS[prepared.kind]}")
            return prepared if place is None else SentMedia(prepared, place)
        except InputError as error:
            raise client_error(error, parameter if place is None else place.param, place) from None

    async def fetch_image_async(self, image_url: str, **_) -> SentMedia | PreparedSource:
        return await self._part(image_url, "image_url")

    async def fetch_video_async(self, video_url: str, **_) -> SentMedia | PreparedSource:
        return await self._part(video_url, "video_url")

    def fetch_image(self, image_url: str, **_) -> SentMedia | PreparedSource:
        return asyncio.run(self._part(image_url, "image_url"))

    def fetch_video(self, video_url: str, **_) -> SentMedia | PreparedSource:
        return asyncio.run(self._part(video_url, "video_url"))

    def _refuse(self, *_, **__):
        raise BadRequest("only pictures (image_url) and clips (video_url) are read", parameter="messages")

    async def _refuse_async(self, *_, **__):
        self._refuse()

    fetch_audio = fetch_image_embedding = fetch_audio_embedding = fetch_video_embedding = _refuse
    fetch_audio_async = fetch_image_embedding_async = _refuse_async
    fetch_audio_embedding_async = fetch_video_embedding_async = _refuse_async


def connector() -> FaceConnector:
    return FaceConnector()


async def grounding(body: dict) -> dict:
    """structured_outputs for a chat request that asks for grounded answers: its lines may state only what was measured.

    body: of /v1/chat/completions with exactly one picture or clip in the conversation. Raises InputError, NoFaceError.
    """
    messages = [m for m in body.get("messages") or [] if isinstance(m, dict)]
    media = media_of(messages)
    if len(media) != 1:
        raise InputError("messages: a grounded answer needs exactly one picture or clip in the conversation, here are "
                         f"{len(media)}")
    subject = await subject_of(body, *media[0])
    asked = [text_of(m.get("content")) for m in messages if m.get("role") == "user"]
    question = asked[0] if len(messages) == 1 else [text_of(m.get("content")) for m in messages]
    return {"grammar": Grammar(prompt.observe(subject.series, subject.events), question).as_ebnf()}


async def movements_of(body: dict) -> dict:
    """vllm_xargs for a conversation about exactly one picture or clip: the reading of its face's movements. Empty for any
    other: which face a label would be about is not known then, and the model's own stands.

    body: of /v1/chat/completions or /v1/responses. Raises InputError, NoFaceError.
    """
    from emollm_vllm.plugin.witness import as_extra_args

    turns = body.get("messages") or body.get("input")
    media = media_of([m for m in turns if isinstance(m, dict)] if isinstance(turns, list) else [])
    if len(media) != 1:
        return {}
    s = await subject_of(body, *media[0])
    return {"vllm_xargs": as_extra_args(movements(s.series, s.seen, s.chips is not None, s.prior))}


def media_of(messages: list[dict]) -> list[tuple[str, str]]:
    """Address and kind of every picture and clip of a conversation."""
    parts = [p for m in messages for p in (m.get("content") if isinstance(m.get("content"), list) else [])
             if isinstance(p, dict)]
    media = [(p[kind]["url"], kind) for p in parts for kind in SENT_AS.values()
             if isinstance(p.get(kind), dict) and isinstance(p[kind].get("url"), str)]
    return media + [(p["image_url"], "image_url") for p in parts if isinstance(p.get("image_url"), str)]


async def subject_of(body: dict, url: str, parameter: str, place: int = 0) -> Subject:
    """The face that a request is about in one picture or clip, the `place`-th that it sends. Raises InputError, NoFaceError."""
    prepared = await connector().measure(url, parameter)
    choices = body.get("mm_processor_kwargs")
    chosen = {k: v[place] for k, v in (choices if isinstance(choices, dict) else {}).items()
              if k in CHOICES and isinstance(v, list) and len(v) > place and v[place] is not None}
    return choose_subject(prepared, **chosen)


def text_of(content) -> str:
    """The words of a message's content."""
    if isinstance(content, str):
        return content
    return "".join(p.get("text") or "" for p in content or [] if isinstance(p, dict) and p.get("type") == "text")


