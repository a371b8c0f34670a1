"""How the rule writer speaks: patterns that are filled, and mentions of action units by plain words, by code, or by both.

A pattern holds alternatives in brackets, "[This|Such a look] [can|may] also ...": variety comes from recombination.
"""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from emollm.answer.prompt import Observation


class Part(NamedTuple):
    """How to speak of one action unit: "[the] {adjective} {many}", "[the] {many} are {state}"."""

    adjective: str
    many: str  # both sides
    one: str | None  # one side; None: a midline part, spoken of as "the left half of the ..."
    states: tuple[str, ...]


PARTS = {
    "AU01": Part("raised", "inner brows", "inner brow", ("raised", "pulled up", "lifted")),
    "AU02": Part("raised", "outer brows", "outer brow", ("raised", "pulled up", "arched")),
    "AU04": Part("lowered", "brows", "brow", ("lowered", "drawn down", "pulled down and inward")),
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
    "AU18": Part("puckered", "lips", None, ("puckered", "drawn to a small opening")),
    "AU20": Part("stretched", "mouth", None, ("stretched sideways", "stretched flat")),
    "AU22": Part("funneled", "lips", None, ("funneled", "turned out")),
    "AU23": Part("tightened", "lips", None, ("tightened", "narrowed")),
    "AU24": Part("pressed", "lips", None, ("pressed together", "pressed shut")),
    "AU25": Part("parted", "lips", None, ("parted", "apart")),
    "AU26": Part("dropped", "jaw", None, ("dropped", "let down")),
    "AU27": Part("wide open", "mouth", None, ("wide open", "stretched open")),
    "AU28": Part("sucked-in", "lips", None, ("sucked in", "rolled in")),
    "AU43": Part("closed", "eyes", "eye", ("closed", "shut")),
    "AU45": Part("blinking", "eyes", "eye", ("closed in a blink", "blinking")),
}


class Ref(NamedTuple):
    """A mention of one or more movements, with what its verb needs: "is" or "are", "s" or ""."""

    text: str
    be: str
    s: str


# ---- patterns -------------------------------------------------------------------------------------------------------

_CHOICE = re.compile(r"\[([^\[\]]*)\]")


def say(rng: random.Random, pattern: str, **slots: str) -> str:
    """Choose one alternative in every [a|b|c], innermost first, and fill the {slots}."""
    while _CHOICE.search(pattern):
        pattern = _CHOICE.sub(lambda m: rng.choice(m[1].split("|")), pattern, count=1)
    return re.sub(r" +", " ", pattern.format(**slots)).strip()


def capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def sentence(rng: random.Random, patterns: tuple[str, ...], **slots: str) -> str:
    return capitalised(say(rng, rng.choice(patterns), **slots)) + "."


def join(items: list[str], rng: random.Random) -> str:
    if len(items) < 2:
        return "".join(items)
    last = rng.choice((" and ", " and ", " together with ", " with ")) if len(items) == 2 else " and "
    return ", ".join(items[:-1]) + last + items[-1]


# ---- mentions -------------------------------------------------------------------------------------------------------

def noun(o: Observation, adjective: str = "") -> tuple[str, bool]:
    """"raised left cheek", False / "raised cheeks", True: the part of the face and whether it is plural."""
    part = PARTS[o.au]
    adjective += " " * bool(adjective)
    if o.side == "both":
        return adjective + part.many, part.many.endswith("s")
    if part.one:
        return f"{adjective}{o.side} {part.one}", False
    return f"{o.side} half of the {adjective}{part.many}", False


def refer(observations: list[Observation], rng: random.Random) -> Ref:
    """Mention movements by plain words, by code, or by both; one style for the whole list."""
    style = rng.choice(("code", "plain", "plain", "plain (code)", "code (plain)"))
    items, plural = [], False
    for o in observations:
        words, plural = noun(o, PARTS[o.au].adjective)
        items.append({"code": o.au, "plain": f"the {words}", "plain (code)": f"the {words} ({o.au})",
                      "code (plain)": f"{o.au} ({words})"}[style])
    plural = len(items) > 1 or (plural and style.startswith("plain"))
    return Ref(join(items, rng), "are" if plural else "is", "" if plural else "s")


def clause(o: Observation, rng: random.Random) -> str:
    words, plural = noun(o)
    return f"the {words} {'are' if plural else 'is'} {rng.choice(PARTS[o.au].states)}"


def codes(aus: frozenset[str], rng: random.Random) -> str:
    return join(sorted(aus), rng)
