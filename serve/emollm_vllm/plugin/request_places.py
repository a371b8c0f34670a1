"""Which picture of a request an error is about.

vLLM fetches pictures one by one and does not say where in the request each of them stands. The gate, which reads the whole
body, writes it down in a context variable of the request's task; the media connector reads it there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass

NOUNS = {"image_url": "picture", "video_url": "clip"}


@dataclass(frozen=True)
class Place:
    param: str  # messages[0].content[2].image_url
    name: str = ""  # picture 2 of 3; empty for the only one of a request

    def add_name(self, words: str) -> str:
        """An error's words with the name of the picture that they are about."""
        kind = self.param.rpartition(".")[2]
        return f"{self.name}: {words.removeprefix(f'{kind}: ')}" if self.name else words


_places: ContextVar[dict[str, deque[Place]] | None] = ContextVar("places", default=None)


def remember(body: dict) -> None:
    """Note the places of an admitted request's pictures and clips, for the task that runs it."""
    media = list(_media_of(body))
    by_url: dict[str, deque[Place]] = {}
    for number, (url, kind, param) in enumerate(media):
        alike = [other for _, other, _ in media]
        at, most = alike[:number + 1].count(kind), alike.count(kind)
        place = Place(param, f"{NOUNS[kind]} {at} of {most}") if len(media) > 1 else Place(param)
        by_url.setdefault(url, deque()).append(place)
    _places.set(by_url)


def _media_of(body: dict) -> Iterator[tuple[str, str, str]]:
    """(URL, image_url or video_url, param) of every picture and clip, in the order in which vLLM fetches them."""
    for field in ("messages", "input"):
        messages = body.get(field)
        for m, message in enumerate(messages if isinstance(messages, list) else []):
            content = message["content"]
            for p, part in enumerate(content if isinstance(content, list) else []):
                for kind in NOUNS if isinstance(part, dict) else ():
                    value = part.get(kind)
                    if value:
                        yield value["url"] if isinstance(value, dict) else value, kind, f"{field}[{m}].content[{p}].{kind}"


def place_of(url: str) -> Place | None:
    """Where a picture or clip stands; for one that is sent several times its places in turn. None outside of a request."""
    places = (_places.get() or {}).get(url)
    if not places:
        return None
    places.rotate(-1)
    return places[-1]
