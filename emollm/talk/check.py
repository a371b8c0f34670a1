"""Is an answer borne out? By the measurement, for what it says about the face, and by what was looked up, for everything
else."""

from __future__ import annotations

import collections
import functools
import re

from emollm.answer.prose import judge
from emollm.facs.units import ACTION_UNITS
from emollm.schema import LABELS
from emollm.talk.lookups.lookup import HYPOTHETICAL
from emollm.talk.terms.call import Call
from emollm.talk.terms.face import Face
from emollm.talk.terms.finding import Finding, words_of
from emollm.talk.terms.words import PARTS

_NUMBER = re.compile(r"(?<![\w.])[+-]?\d+(?:\.\d+)?")
_UNIT = re.compile(r"\bAU ?0?(\d{1,2})\b")
_CODE = re.compile(r"\(au ?0?(\d{1,2})\b")
_LABEL = re.compile(rf"\b(?:{'|'.join(LABELS)})\b")
_ENDS = re.compile(r"[;:]|[.!?](?=\s|$)")
_HEDGED = re.compile(r"between absent and there|only at|too (?:little|weak)")  # a movement that is not sure, told as such
_TIME = re.compile(r"\d+\.\d(?= s\b)")
_SIDE = re.compile(r"\b(?:both|left|right)\b", re.IGNORECASE)
# What was asked for, by call.
IN_FULL = {"strength": _NUMBER, "sure": _NUMBER, "when": _TIME, "order": _TIME, "side": _SIDE, "sides": _SIDE}
_VERDICT = re.compile(r"\s*(yes|no)\b", re.IGNORECASE)
# Words that say nothing of their own; a negation is not one of them.
_JOINING = words_of(
    "a an the this that these those it its is are was were be been and or of in on at to by with as for from here there which "
    "also then but while so"
)


def find_faults(text: str, looked: Finding, call: Call, face: Face | None, own_words: bool = False) -> list[str]:
    """What is not borne out in an answer, in words; empty when nothing is.

    own_words: the writer may use words that were not looked up (a large language model's synonyms); a small model's are slips.
    """
    slips = find_fact_faults(text, looked, call)
    if not own_words:
        strange = words_of(text) - looked.vocabulary() - _JOINING
        slips += [f"'{word}' was not looked up" for word in sorted(strange)]
        slips += [f"{au} in words of its own" for au in _misworded_units(text)]
        # For a label, and again against it: a movement told once more is told as something else.
        plain = _count_units(looked.answer())
        slips += [f"AU{n} is told {k} times" for n, k in sorted(_count_units(text).items()) if k > max(1, plain[n])]
    if face is not None and call.name not in HYPOTHETICAL:
        judged = judge(text, face.series, face.events, face.distribution, face.label)
        slips += [
            f"'{text[f.start : f.end].strip()}': {f.reason or f.verdict}"
            for f in judged.found
            if f.verdict in ("contradicted", "unmeasured")
            or (f.verdict == "unsure" and f.kind == "movement" and not _HEDGED.search(_clause(text, f.start, f.end)))
        ]
        slips += [f"{f.kind}: '{text[f.start : f.end].strip()}'" for f in judged.faults]
    return slips


def _misworded_units(text: str) -> list[str]:
    """Units whose code follows words that are none of their wordings: "the eyes are raised (AU06)"."""
    low = text.lower()
    named = [(f"AU{int(m[1]):02d}", low[: m.start()].rstrip()) for m in _CODE.finditer(low)]
    return [au for au, before in named if au in PARTS and not _wordings(au).search(before)]


@functools.cache
def _wordings(au: str) -> re.Pattern:
    """How a unit may be said right before its code: moved, by its title, or as "raised mouth corners"."""
    part = PARTS[au]
    subjects = [part.many, f"(?:left|right) half of the {part.many}", *([f"(?:left|right) {part.one}"] if part.one else [])]
    level = r"(?: at \d\.\d,? (?:which|that) is \w+)?"
    moved = rf"(?:{'|'.join(subjects)}) (?:is|are|was|were)(?: not)? (?:{'|'.join(part.states)}){level}"
    adjective = rf"{part.adjective} (?:{part.many}|{part.one or part.many})"
    return re.compile(rf"\b(?:{moved}|{adjective}|{ACTION_UNITS[au].title.lower()})$")


def _clause(text: str, start: int, end: int) -> str:
    """The clause around a span: from the semicolon or sentence end before it to the next one."""
    before, after = list(_ENDS.finditer(text, 0, start)), _ENDS.search(text, end)
    return text[before[-1].end() if before else 0 : after.start() if after else len(text)]


def find_fact_faults(text: str, looked: Finding, call: Call) -> list[str]:
    """Numbers, units, labels, a yes or a no that were not looked up, and what was looked up and is not told."""
    basis = f"{looked.text()}\n{looked.answer()}\n{call}"
    numbers, units, labels = set(_NUMBER.findall(basis)), _units(basis), set(_LABEL.findall(basis.lower()))
    bare = _UNIT.sub(" ", text)
    slips = [f"{n} was not looked up" for n in _NUMBER.findall(bare) if n not in numbers]
    slips += [f"AU{n} was not looked up" for n in sorted(_units(text) - units)]
    slips += [f"{label} was not looked up" for label in sorted(set(_LABEL.findall(text.lower())) - labels)]
    plain = looked.answer()
    slips += [f"AU{n} is left out" for n in sorted(_units(plain) - _units(text))]
    slips += [
        f"{label} is left out" for label in sorted(set(_LABEL.findall(plain.lower())) - set(_LABEL.findall(text.lower())))
    ]
    if call.name in IN_FULL:
        asked = IN_FULL[call.name]
        told = _SIDE.findall(bare.lower()) if asked is _SIDE else _NUMBER.findall(bare)
        missing = [word for word in asked.findall(_UNIT.sub(" ", plain).lower()) if word not in told]
        slips += [f"{word} is left out" for word in dict.fromkeys(missing)]
    verdict, opening = looked.facts[0].split(":")[0].split(",")[0] if looked.facts else "", _VERDICT.match(text)
    if verdict in ("yes", "no") and opening and opening[1].lower() != verdict:
        slips.append(f"the answer is {verdict}")
    elif opening and not _VERDICT.match(plain):
        slips.append("neither a yes nor a no was looked up")
    return slips if text else ["nothing was written"]


def _count_units(text: str) -> collections.Counter:
    """How often each unit is named."""
    return collections.Counter(f"{int(n):02d}" for n in _UNIT.findall(text))


def _units(text: str) -> set[str]:
    return set(_count_units(text))
