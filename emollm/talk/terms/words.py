"""How the project's own writers speak: patterns that are filled, and movements in plain words.

A pattern holds alternatives in brackets, "[This|Such a look] [can|may] also ...": variety comes from recombination, and the
first alternative of each is the plain way to say it.
"""

from __future__ import annotations

import random
import re
from typing import NamedTuple

from emollm.facs.units import ACTION_UNITS


class Part(NamedTuple):
    """How to speak of one action unit: "[the] {adjective} {many}", "[the] {many} are {state}"."""

    adjective: str
    many: str  # both sides
    one: str | None  # one side; None: a midline part, spoken of as "the left half of the ..."
    states: tuple[str, ...]


PARTS = {
    "AU01": Part("raised", "inner brows", "inner brow", ("raised", "pulled up", "lifted")),
    "AU02": Part("raised", "outer brows", "outer brow", ("raised", "pulled up", "arched")),
    "AU04": Part("lowered", "brows", "brow", ("lowered", "drawn down", "pulled down")),
    "AU05": Part("raised", "upper lids", "upper lid", ("raised", "pulled up", "lifted")),
    "AU06": Part("raised", "cheeks", "cheek", ("raised", "pushed up", "lifted")),
    "AU07": Part("tight", "lids", "lid", ("tight", "tightened", "tense")),
    "AU09": Part("wrinkled", "nose", None, ("wrinkled", "drawn up")),
    "AU10": Part("raised", "upper lip", None, ("raised", "drawn up", "lifted")),
    "AU11": Part("deep", "cheek folds", "cheek fold", ("deepened", "drawn up")),
    "AU12": Part("raised", "mouth corners", "mouth corner", ("raised", "pulled up", "drawn up and back")),
    "AU14": Part("tucked", "mouth corners", "mouth corner", ("tucked in", "pressed in", "drawn in")),
    "AU15": Part("lowered", "mouth corners", "mouth corner", ("lowered", "pulled down", "turned down")),
    "AU17": Part("raised", "chin", None, ("raised", "pushed up", "bunched up")),
    "AU18": Part("puckered", "lips", None, ("puckered", "pushed forward")),
    "AU20": Part("stretched", "mouth", None, ("stretched sideways", "stretched flat")),
    "AU22": Part("funneled", "lips", None, ("funneled", "turned out")),
    "AU23": Part("tightened", "lips", None, ("tightened", "narrowed")),
    "AU24": Part("pressed", "lips", None, ("pressed together", "pressed")),
    "AU25": Part("parted", "lips", None, ("parted", "apart")),
    "AU26": Part("dropped", "jaw", None, ("dropped", "let down")),
    "AU27": Part("wide open", "mouth", None, ("wide open", "opened very wide")),
    "AU28": Part("sucked-in", "lips", None, ("sucked in", "rolled in")),
    "AU43": Part("closed", "eyes", "eye", ("closed", "shut")),
    "AU45": Part("blinking", "eyes", "eye", ("blinking",)),
}

CHOICE = re.compile(r"\[([^\[\]]*)\]")


def say(rng: random.Random | None, pattern: str, **slots: str) -> str:
    """Choose one alternative in every [a|b|c], innermost first, and fill the {slots}. rng None: always the first."""
    while CHOICE.search(pattern):
        pattern = CHOICE.sub(lambda m: rng.choice(m[1].split("|")) if rng else m[1].split("|")[0], pattern, count=1)
    return re.sub(r" +", " ", pattern.format(**slots) if slots else pattern).strip()


def capitalise(text: str) -> str:
    return text[:1].upper() + text[1:]


def begin_small(text: str) -> str:
    """A sentence as it goes on behind a colon."""
    return text if re.match(r"AU\d|I\b", text) else text[:1].lower() + text[1:]


def noun(au: str, side: str, adjective: str = "") -> tuple[str, bool]:
    """ "raised left cheek", False / "raised cheeks", True: the part of the face and whether it is plural."""
    part = PARTS[au]
    adjective = f"{adjective} " if adjective else ""
    if side == "both":
        return adjective + part.many, part.many.endswith("s")
    if part.one:
        return f"{adjective}{side} {part.one}", False
    return f"{side} half of the {adjective}{part.many}", False


def movement_pattern(au: str, side: str = "both", denied: bool = False) -> str:
    """ "the mouth corners are [raised|pulled up|...]", as a pattern; denied: "... are not raised"."""
    words, plural = noun(au, side)
    return f"the {words} {'are' if plural else 'is'} {'not ' if denied else ''}[{'|'.join(PARTS[au].states)}]"


def clauses(items: list[str]) -> str:
    """Whole clauses one after the other; commas would run their sides and numbers into each other."""
    return "; ".join(items)


def join_words(items: list[str], last: str = "and") -> str:
    """ "a", "a and b", "a, b and c"."""
    return "".join(items) if len(items) < 2 else f"{', '.join(items[:-1])} {last} {items[-1]}"


def unit_names(units: list[str], last: str = "and") -> str:
    """ "the upper lip raiser (AU10) and the lip funneler (AU22)", in FACS order."""
    return join_words([f"the {ACTION_UNITS[au].title} ({au})" for au in sorted(units)], last)


def was_or_were(items: list[str]) -> str:
    return "was" if len(items) == 1 else "were"
