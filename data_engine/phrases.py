"""How the rule writer speaks: patterns that are filled, and mentions of action units by plain words, by code, or by both.

A pattern holds alternatives in brackets, "[This|Such a look] [can|may] also ...": variety comes from recombination.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

from emollm.talk.words import PARTS, capitalised, noun, say

if TYPE_CHECKING:
    from emollm.answer.prompt import Observation


class Ref(NamedTuple):
    """A mention of one or more movements, with what its verb needs: "is" or "are", "s" or ""."""

    text: str
    be: str
    s: str


# ---- patterns -------------------------------------------------------------------------------------------------------

def sentence(rng: random.Random, patterns: tuple[str, ...], **slots: str) -> str:
    return capitalised(say(rng, rng.choice(patterns), **slots)) + "."


def join(items: list[str], rng: random.Random) -> str:
    if len(items) < 2:
        return "".join(items)
    last = rng.choice((" and ", " and ", " together with ", " with ")) if len(items) == 2 else " and "
    return ", ".join(items[:-1]) + last + items[-1]


# ---- mentions -------------------------------------------------------------------------------------------------------

def refer(observations: list[Observation], rng: random.Random) -> Ref:
    """Mention movements by plain words, by code, or by both; one style for the whole list."""
    style = rng.choice(("code", "plain", "plain", "plain (code)", "code (plain)"))
    items, plural = [], False
    for o in observations:
        words, plural = noun(o.au, o.side, PARTS[o.au].adjective)
        items.append({"code": o.au, "plain": f"the {words}", "plain (code)": f"the {words} ({o.au})",
                      "code (plain)": f"{o.au} ({words})"}[style])
    plural = len(items) > 1 or (plural and style.startswith("plain"))
    return Ref(join(items, rng), "are" if plural else "is", "" if plural else "s")


def clause(o: Observation, rng: random.Random) -> str:
    words, plural = noun(o.au, o.side)
    return f"the {words} {'are' if plural else 'is'} {rng.choice(PARTS[o.au].states)}"


def codes(aus: frozenset[str], rng: random.Random) -> str:
    return join(sorted(aus), rng)
