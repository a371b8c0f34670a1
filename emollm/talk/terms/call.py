"""A call: what a question asks for, in one short line. The language model writes it, the measurement answers it.

    there AU12 left          is the left mouth corner pulled up?
    absent AU25/AU26/AU27    is the mouth closed? (one of the three would open it)
    whynot anger             why not anger?
    apart fear/surprise      how are fear and surprise told apart?
    other gloomy/startled    gloomy, or rather startled?
    au AU12 muscle           which muscle makes AU12?
    refuse age               how old is she?
    agree AU04=2 AU12=0      I have 4B and no 12, and you?
    there AU12 end-2s        does she smile in the last two seconds? (stretches.py)

What a word of a call is can be read off the word itself, so a call is its name and such words in any order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from emollm.facs.units import LOWER, UPPER
from emollm.schema import AUS, LABELS, SIDES
from emollm.talk.terms.conditions import CONDITIONS, THINGS
from emollm.talk.terms.feeling_words import FEELINGS
from emollm.talk.terms.stretches import STRETCH

# Name -> what must stand with it: m movements, l a label, p a part of the face, e an edit, r a reason to refuse, k a topic,
# s a style, t a moment (start, 1.5s), c a coding of one's own: movements, levels as edits, or a label. In brackets: may stand
# with it (of the aspects of a movement only its muscle; words beside the labels, and labels; less of the label; what is not
# measured).
CALLS = {
    # what was measured
    "there": "m (aspect side)",
    "absent": "m (side)",
    "strength": "m (side)",
    "side": "m (first)",
    "when": "m (nth)",
    "agree": "c (side)",
    "average": "m",
    "cause": "m",
    "strongest": " (count)",  # so many of them
    "weakest": "",
    "rest": "",
    "movements": " (aspect)",  # or 3+: those at that level or more
    "still": "",
    "part": "p",
    "count": "",
    "order": "(m)",
    "course": "",
    "sides": "",
    "more": "m",
    "moments": "",
    "at": "t",  # m as well: of these alone; at the peak, of a movement or a label: everything then, or what else is named
    "lasts": "m (end)",
    "pace": "m",
    "pauses": "m",
    "often": "m",
    "long": "(m) (nth)",
    "together": "m",
    "longest": "",
    "shortest": "",
    "before": "m",
    "after": "m",
    "change": "(l)",
    "turns": "",
    "mostly": "",
    "recording": "",
    "regions": "",
    "faces": "",
    "smile": "",
    "unseen": "",
    # how it is read
    "why": "(l)",
    "whynot": "l",
    "fits": "l",
    "label": "",
    "is": "l",
    "other": " (feeling)",
    "sure": "(m)",
    "shares": "",
    "toward": "l (less)",
    "edit": "e",
    "mood": "",
    "words": "",
    "intent": "",
    "reply": "",
    "tell": "s",
    # what is known of FACS
    "au": "u (aspect)",
    "listed": "l",
    "apart": "l",
    "topic": "k",
    # what is not told, and the talk around it
    "refuse": "r",
    "grounds": "r",
    "hello": "",
    "thanks": "",
    "bye": "",
    "able": "",
    "who": "",
    "outside": " (thing)",
    "offtopic": "",
    "language": "",
    "unclear": "",
}
PARTS_OF_FACE = {part: tuple(f"AU{n:02d}" for n in numbers) for part, numbers in {
    "brows": (1, 2, 4),
    "eyes": (5, 6, 7, 43, 45),
    "nose": (9,),
    "cheeks": (6, 11),
    "chin": (17, 26, 27),
    "mouth": (10, 12, 14, 15, 17, 18, 20, 22, 23, 24, 25, 26, 27, 28),
    "upper": UPPER,
    "lower": LOWER,
}.items()}
ASPECTS = ("muscle", "looks", "alike", "readings", "side", "opposite", "source")
PARTICULAR_TOPICS = ("licence", "pictures", "program", "posed")
TOPICS = (
    "facs",
    "levels",
    "method",
    "accuracy",
    "duchenne",
    "micro",
    "sources",
    "labels",
    "baseline",
    "privacy",
    "files",
    "asymmetry",
    "feelings",
    "basic",
    "compare",
    *PARTICULAR_TOPICS,
)
# Where it stands what was told: by the tables, by measuring, ...
SOURCES = ("by_facs", "by_measuring", "by_reading", "by_affect", "by_displays", "by_sorting", "by_duchenne", "by_program")
REFUSED = (
    "truth",
    "identity",
    "age",
    "sex",
    "ethnicity",
    "health",
    "hiring",
    "policing",
    "attraction",
    "feelings",
    "character",
    "instructions",
)
STYLES = ("child", "short", "bullets", "coder", "json", "plain", "formal", "caption")
MOMENTS = ("start", "middle", "end", "peak", "then")  # then: the moment that was told before

NTH = ("first", "second", "third", "last")  # time that a movement is there

_MAY = {"aspect": ASPECTS, "feeling": FEELINGS, "less": ("less",), "thing": THINGS, "(end)": ("end",),
        "(first)": ("first",), "(nth)": NTH,
        "(count)": ("2", "3", "4", "5")}
_UNIT = re.compile(r"AU\d\d(?:/AU\d\d)*")
_TIME = re.compile(r"(\d{1,4}(?:\.\d{1,2})?)s")
_LEAST = re.compile(r"([0-5](?:\.\d)?)\+")
_EDIT = re.compile(r"(AU\d\d)=([0-5](?:\.\d)?)")


@dataclass(frozen=True)
class Call:
    """One look-up. units: the movements asked about, each a set of units of which one is enough; label: of schema.LABELS, or
    two of them with a stroke between; within: the stretches of the clip that it is about, one or two to be compared."""

    name: str
    units: tuple[tuple[str, ...], ...] = ()
    label: str = ""
    side: str = ""
    word: str = ""  # part of the face, aspect, topic, reason, style, moment; words beside the labels, with strokes between
    edits: dict[str, float] = field(default_factory=dict)
    time: float | None = None  # s
    within: tuple[str, ...] = ()
    least: float | None = None  # level from which movements are told

    @property
    def subjects(self) -> tuple[tuple[str, ...], ...]:
        """The movements that it is about, those of its part of the face or of a smile among them."""
        if self.name == "smile":
            return (("AU06",), ("AU12",))
        return self.units or (tuple((au,) for au in PARTS_OF_FACE[self.word]) if self.name == "part" else ())

    @property
    def is_particular(self) -> bool:
        """Whether it asks for something that no other call is like: what the model heard so stays, whatever the words are."""
        return (
            self.name in ("agree", "average", "fits", "together", "mostly", "recording", "regions")
            or self.least is not None
            or (self.name == "sure" and bool(self.units))
            or (self.name in ("when", "side", "long") and bool(self.word))
            or (self.name == "tell" and self.word == "caption")
            or (self.name == "at" and self.word == "peak" and bool(self.label or len(self.units) > 1))
            or (self.name == "other" and "/" in self.label)
            or (self.name == "topic" and self.word in PARTICULAR_TOPICS)
        )

    def __str__(self) -> str:
        edits = [f"{au}={level:g}" for au, level in self.edits.items()]
        time = "" if self.time is None else f"{self.time:g}s"
        least = "" if self.least is None else f"{self.least:g}+"
        words = [self.name, *map("/".join, self.units), self.label, self.word, least, time, self.side, *edits, *self.within]
        return " ".join(word for word in words if word)


UNCLEAR = Call("unclear")


def parse(line: str) -> Call:
    """The call in a line; UNCLEAR for anything that is none."""
    name, *words = line.split() or [""]
    if name not in CALLS:
        return UNCLEAR
    read = {"units": (), "label": "", "side": "", "word": "", "time": None, "edits": {}, "within": (), "least": None}
    for word in words:
        if edit := _EDIT.fullmatch(word):
            read["edits"][edit[1]] = float(edit[2])
        elif _UNIT.fullmatch(word):
            read["units"] += () if (units := tuple(word.split("/"))) in read["units"] else (units,)
        elif time := _TIME.fullmatch(word):
            read["time"] = float(time[1])
        elif least := _LEAST.fullmatch(word):
            read["least"] = float(least[1])
        elif STRETCH.fullmatch(word):
            read["within"] += (word,)
        elif set(word.split("/")) <= set(LABELS):
            read["label"] = word
        elif word in SIDES:
            read["side"] = word
        else:
            read["word"] = word
    call = Call(name, **read)
    return call if _is_complete(call) else UNCLEAR


def _is_complete(call: Call) -> bool:
    wants = CALLS[call.name].split(" (")[0]
    may = next((words for name, words in _MAY.items() if name in CALLS[call.name]), ())
    words = {"p": PARTS_OF_FACE, "r": REFUSED, "k": (*TOPICS, *SOURCES, *CONDITIONS), "s": STYLES, "t": MOMENTS}.get(wants, may)
    known = _has_known_units(call)
    there = {"m": call.units and known, "u": call.units, "l": call.label, "e": call.edits and known,
             "c": known and (call.units or call.edits or call.label)}
    if not known and wants != "u":
        return False
    if call.least is not None and call.name != "movements":
        return False
    if call.time is not None:
        return wants == "t" and not call.word
    several = set(call.word.split("/"))
    if call.name == "other" or (call.name == "topic" and several <= set(CONDITIONS)):
        return several <= {*words, ""}
    if len(set(call.label.split("/"))) != 1 + (call.name == "apart"):  # two labels are told apart, anything else is of one
        return False
    return bool(there.get(wants, True)) and (
        call.word in words if wants in "prkst" and wants else not call.word or call.word in words
    )


def _has_known_units(call: Call) -> bool:
    units = [au for movement in call.units for au in movement] + list(call.edits)
    return all(int(au[2:]) in AUS for au in units)
