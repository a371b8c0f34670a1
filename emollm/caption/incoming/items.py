"""What is asked: an item is one question about one photo or clip, a medium all items about the same one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import astuple, dataclass, field

from emollm.answer.prompt import DEFAULT_QUESTION, Message


@dataclass(frozen=True, slots=True)
class Inline:
    """Media within a line of a batch file, fetched only when its turn comes."""

    file: str
    offset: int  # of the line, bytes
    length: int  # of the line, bytes
    custom_id: str  # what that line must still hold then


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a chat body asks of its answer, beside the question."""

    prior: str | None = None  # how common the labels are taken to be (schema.PRIORS); None: as the run has it
    face: int | None = None  # that the message is about; None: the main one
    au: tuple[tuple[str, float | tuple[float, float]], ...] = ()  # units of that face instead of ours (evidence.stated_levels)
    tokens: int | None = None  # at most so many of the message; None: as many as it takes
    temperature: float = 0.0  # a batch is answered at 0 whatever it is, and says so
    stop: tuple[str, ...] = ()  # texts that end the message


NO_WISHES = Wishes()


@dataclass(frozen=True, slots=True)
class Item:
    """One line to be: a question about one photo or clip."""

    custom_id: str
    source: str | Inline  # path, or where the bytes are
    place: str  # where the user listed it, for messages
    question: str | None = None
    what_if: tuple[tuple[str, float], ...] = ()
    conversation: tuple[Message, ...] = ()  # the question with what was said before it; empty when nothing was
    wishes: Wishes = NO_WISHES
    error: tuple[str, str] | None = None  # code, message: a request that cannot be answered

    @property
    def request(self) -> str | list[Message]:
        """What the model is asked."""
        return list(self.conversation) or self.question or DEFAULT_QUESTION

    @property
    def words(self) -> str:
        """The same as text, with what is wished of the answer: equal words ask for equal answers."""
        asked = json.dumps(self.conversation) if self.conversation else self.question or DEFAULT_QUESTION
        return asked if self.wishes == NO_WISHES else f"{asked}\n{json.dumps(astuple(self.wishes))}"


@dataclass(slots=True)
class Medium:
    """One photo or clip with every item that asks about it: measured once."""

    source: str | Inline
    items: list[Item] = field(default_factory=list)


def group_by_medium(items: list[Item]) -> Iterator[Medium]:
    """Items grouped by what they ask about, in order of first mention."""
    media: dict[str | Inline, Medium] = {}
    for item in items:
        media.setdefault(item.source, Medium(item.source)).items.append(item)
    return iter(media.values())


def escape_name(text: str) -> str:
    """A name that JSON can hold: bytes of a file name that are no UTF-8 are written as \\udcXX."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
