"""Movements that a question names, by codes or by what people call them."""

from __future__ import annotations

import re

from emollm.facs.units import ACTION_UNITS

EYES_WIDE = (r"eyes? (?:\w+ ){0,2}(?:wider?(?! open)|bigger|larger)\b|wide eyes", ("AU05",))
# What people call a movement where they compare faces or moments.
MOVEMENTS = (
    (r"smil|grin|beam|laugh", ("AU12",)),
    (r"(?:eye)?brows? (?:\w+ )?frown|frown\w* (?:of |with |in )(?:the |his |her |their )?(?:eye)?brows?", ("AU04",)),
    (r"frown", ("AU04", "AU15")),
    (r"scowl", ("AU04",)),
    (r"(?:rais|lift)\w* (?:\w+ )?(?:eye)?brow|(?:eye)?brows? (?:\w+ )?(?:rais|lift|up|high)", ("AU01", "AU02")),
    (r"squint|narrow", ("AU06", "AU07")),
    (r"pout|sulk", ("AU17", "AU18", "AU22")),
    (r"pucker|kiss|duck ?(?:face|lips)", ("AU18",)),
    (r"press\w* together|lips? (?:\w+ )?pressed|pressed lips?", ("AU24",)),
    (r"lips? (?:\w+ )?(?:parted|apart)|part(?:ed|ing) (?:the )?lips?|parted", ("AU25",)),
    (r"corners? (?:of (?:the |his |her |their )?mouth )?(?:\w+ )?(?:up|raised|lifted)\b", ("AU12",)),
    (r"corners? (?:of (?:the |his |her |their )?mouth )?(?:\w+ )?(?:down|lowered|dro+p\w*|sag\w*|sink\w*)\b", ("AU15",)),
    (r"(?:eye)?brows? (?:\w+ )?(?:lower|down|together|knit|furrow)|furrow", ("AU04",)),
    (r"jaw[ -]?drop|(?:drop|open)\w* (?:\w+ )?jaw|jaw (?:\w+ )?(?:drop|open)", ("AU26", "AU27")),
    EYES_WIDE,
    (r"mouth (?:\w+ )?(?:big|huge|wide|large)|(?:big|huge|wide|large) mouth", ("AU25", "AU26", "AU27")),
    (r"(?:open|wide|clos|shut)\w* (?:the |his |her |their )?mouth|mouth (?:\w+ )?(?:open|clos|shut)", ("AU25", "AU26", "AU27")),
    (r"(?:clos|shut)\w* (?:the |his |her |their )?eyes?|eyes? \w*\s?(?:clos|shut)", ("AU43",)),
    (r"blink", ("AU45",)),
    (r"sneer|snarl", ("AU09", "AU10")),
    (r"wrinkl\w* (?:the |his |her |their )?nose|nose \w*\s?wrinkl", ("AU09",)),
)
# Further ones, narrower than those above, and names of FACS: told apart where several are named.
NARROWER = (
    (r"inner (?:eye)?brows?", ("AU01",)),
    (r"outer (?:eye)?brows?", ("AU02",)),
    (r"(?:eye)?brows? (?:\w+ )?(?:ris|rose)", ("AU01", "AU02")),
    (r"upper (?:eye)?lids? (?:\w+ )?(?:rais|lift|up|ris)|rais\w* upper (?:eye)?lid", ("AU05",)),
    (r"cheeks? (?:\w+ )?(?:rais|lift|up|ris|rose)|(?:rais|lift)\w* (?:\w+ )?cheek", ("AU06",)),
    (r"lids? (?:\w+ )?tight|tight\w* (?:eye)?lid", ("AU07",)),
    (r"upper lip (?:\w+ )?(?:rais|lift|up|curl|ris)|rais\w* upper lip", ("AU10",)),
    (r"dimpl", ("AU14",)),
    (r"chin (?:\w+ )?(?:rais|up|push|bunch|wrinkl|ris)|(?:rais|push|bunch|wrinkl)\w* (?:\w+ )?chin", ("AU17",)),
    (r"lips? (?:\w+ )?stretch|mouth (?:\w+ )?stretched|stretch\w* (?:\w+ )?(?:lip|mouth)", ("AU20",)),
    (r"lips? (?:\w+ )?tight|tight\w* (?:\w+ )?lip", ("AU23",)),
    (r"lips? (?:\w+ )?(?:suck|roll)|suck\w*[- ](?:in )?lip", ("AU28",)),
)
# Movements that FACS has a code for and that are not measured here.
OUTSIDE = (
    (r"tongue (?:\w+ ){0,2}(?:out|show\w*|visible|seen)\b|(?:stick|pok|show)\w* (?:\w+ ){0,3}tongue", 19),
    (r"bit(?:e|es|ing|ten)? (?!of\b)(?:\w+ ){0,2}lips?\b|lips? (?:(?!a\b)\w+ )?bit(?:e|ing|ten)?\b", 32),
    (r"(?:puff|blow)\w* (?:\w+ )?(?:\w+ )?cheeks?|cheeks? (?:\w+ )?(?:puff|blown)", 34),
    (r"suck\w* (?:\w+ )?(?:\w+ )?cheeks?|cheeks? (?:\w+ )?suck", 35),
    (r"(?:flar|dilat)\w* (?:\w+ )?(?:nostril|nose)|(?:nostril|nose)s? (?:\w+ )?(?:flar|dilat)", 38),
    (r"clench\w* (?:\w+ )?(?:jaw|teeth)|(?:jaw|teeth) (?:\w+ )?clench|grit\w* (?:\w+ )?teeth", 31),
    (r"jaw (?:\w+ )?(?:sideways|to (?:the|one) side|left|right)", 30),
    (r"(?:thrust|push|stick|jut)\w* (?:\w+ )?(?:jaw|chin) (?:out|forward)|jaw (?:\w+ )?(?:thrust|forward)", 29),
    (r"(?:lick|wip)\w* (?:\w+ )?lips?\b", 37),
    (r"swallow", 80),
    (r"chew", 81),
    (r"neck (?:\w+ )?(?:tens|tight)|(?:tens|tight)\w* (?:\w+ )?neck", 21),
    (r"shrug", 82),
)
# Codes for how the head is held and where the eyes look: (what moves, and how) -> code by direction.
DIRECTIONS = (
    (r"head", r"tilt|lean", {"left": 55, "right": 56}),
    (r"head", r"turn|rotat|look", {"left": 51, "right": 52}),
    (r"head", r"", {"up": 53, "down": 54, "forward": 57, "back": 58}),
    (r"eyes?|gaze", r"", {"left": 61, "right": 62, "up": 63, "down": 64}),
)
TITLES = tuple((unit.title, (au,)) for au, unit in ACTION_UNITS.items())
_MOVEMENTS = tuple((re.compile(rf"\b(?:{words})"), units) for words, units in MOVEMENTS)
_EVERY = tuple((re.compile(rf"\b(?:{words})"), units) for words, units in (*NARROWER, *MOVEMENTS, *TITLES))
_OUTSIDE = tuple((re.compile(rf"\b(?:{words})"), ((f"AU{number:02d}",),)) for words, number in OUTSIDE)
_ASKS_CODE = re.compile(r"\b(?:codes?|aus?|units?|numbers?|facs|descriptors?)\b")
_SUM = re.compile(r"(?<![\w.+])(?:[lr]?\d{1,2}[a-e]?\+)+[lr]?\d{1,2}[a-e]?\b")  # as FACS coders write what is there
_CODES = re.compile(r"\b(?:au|action unit|unit)s?[ -]?#?(\d{1,2}(?:\s*(?:,|and|or|&|\+|/)\s*(?:au ?)?\d{1,2})*)\b")


def units_in(text: str) -> tuple[str, ...]:
    """Units of the first movement that a text of small letters names by what people call it; () when there is none."""
    return next((units for words, units in _MOVEMENTS if words.search(text)), ())


def outside_units_in(text: str) -> tuple[tuple[str, ...], ...]:
    """A movement in a text of small letters that FACS has a code for and that is not measured here; () when there is none."""
    found = next((units for words, units in _OUTSIDE if words.search(text)), ())
    return found or (_directed(text) if _ASKS_CODE.search(text) else ())


def _directed(text: str) -> tuple[tuple[str, ...], ...]:
    """The code for a head or eyes that are turned some way, where a code is asked for."""
    for what, how, codes in DIRECTIONS:
        number = next((code for way, code in codes.items() if re.search(rf"\b{way}\w*\b", text)), 0)
        if number and re.search(rf"\b(?:{what})\b", text) and re.search(rf"\b(?:{how})", text):
            return ((f"AU{number:02d}",),)
    return ()


def movements_in(text: str) -> list[tuple[str, ...]]:
    """Every movement that a text of small letters names, by what people call it or by its code, in order; each once."""
    found: list[tuple[int, int, tuple[str, ...]]] = []
    for words, units in _EVERY:
        found += [(m.start(), m.end(), units) for m in words.finditer(text)
                  if not any(start < m.end() and m.start() < end for start, end, _ in found)]
    codes = [(m.start(), m.end(), (au,)) for m in _CODES.finditer(text) for au in codes_in(m[0])]
    return list(dict.fromkeys(units for _, _, units in sorted([*found, *codes], key=lambda one: one[0])))


def without_movements(text: str) -> str:
    """A text of small letters without the words that name movements."""
    for words, _ in _EVERY:
        text = re.sub(rf"{words.pattern}\w*", " ", text)
    return _CODES.sub(" ", text)


def codes_in(text: str) -> list[str]:
    """Units named by their codes: "au6 and 12", "6+12", "6c+12d" -> AU06, AU12."""
    numbers = [n for code in [*_CODES.findall(text), *_SUM.findall(text)] for n in re.findall(r"\d+", code)]
    return list(dict.fromkeys(f"AU{int(n):02d}" for n in numbers))
