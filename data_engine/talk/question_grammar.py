"""What people ask, as a grammar: every call of emollm.talk.terms.call in many wordings.

`wordings/*.txt` hold question patterns under a heading with their call. A capital in the heading stands for what is filled in:
M a movement, U a unit, L a label, L/L2 two of them, P a part of the face, SIDE, T a time, AU=0, AU=3 and AU=V an edit; other
words stand for themselves. In a pattern {m} is a movement as subject and state, {noun}, {noun_bare} and {doing} the same as
noun and doing word, {rest} what says that it is not there, {m_not} and {m_if} "... were (not) raised", {code} a code or FACS
name, {muscle} its muscle, {m2}, {noun2}, {code2} a second one, {adj} and {emotion} words for the label, {adj2} and {emotion2}
for a second one, {other} and {othern} words that are no label, {p} for the part, {v} a level, {t} seconds, {who} a person. A
pattern is a kind of wording, and one in ten is held out of training (`is_held_out`), so that an evaluation asks in words that
were never seen.
"""

from __future__ import annotations

import functools
import hashlib
import random
import re
from pathlib import Path

from data_engine.talk.movements import SPOKEN, WHO, Spoken, codes
from emollm.facs.units import ACTION_UNITS
from emollm.schema import AU_NAMES, LABELS
from emollm.talk.hearing import call_rules
from emollm.talk.terms.words import say

ADJECTIVE = {label: f"[{'|'.join(words)}]" for label, words in call_rules.ADJECTIVES.items()}
NOUN = {label: f"[{'|'.join(words)}]" if len(words) > 1 else words[0] for label, words in call_rules.NOUNS.items()}
OUTSIDE_UNITS = ("AU13", "AU16", "AU19", "AU32", "AU34", "AU38", "AU46", "AU51", "AU53", "AU61", "AU99", "AU03", "AU33")

# Words for a look that are none of the labels.
_OTHER = (
    "bored", "confused", "proud", "embarrassed", "ashamed", "interested", "curious", "puzzled", "focused", "concentrated",
    "thoughtful", "doubtful", "sceptical", "impressed", "relieved", "hopeful", "amused", "playful", "nostalgic", "impatient",
    "awkward", "satisfied", "smug", "determined", "grateful", "jealous", "envious", "distracted", "disappointed", "worried",
    "nervous", "desperate", "serious", "mischievous", "tired", "sleepy", "friendly", "approachable", "welcoming", "stressed",
    "engaged", "attentive", "excited",
)
_OTHER_NOUNS = (
    "boredom", "confusion", "pride", "embarrassment", "shame", "interest", "curiosity", "concentration", "doubt", "relief",
    "hope", "amusement", "satisfaction", "determination", "gratitude", "jealousy", "envy", "disappointment", "worry", "awe",
    "frustration", "impatience",
)
OTHER = f"[{'|'.join(_OTHER)}]"
OTHER_NOUN = f"[{'|'.join(_OTHER_NOUNS)}]"

SPOKEN_PARTS = {
    **call_rules.SPOKEN_PARTS,
    "upper": ("upper face", "upper half", "top half of the face"),
    "lower": ("lower face", "lower half", "bottom half of the face"),
}

EDITS = {"AU=0": 0, "AU=3": 3, "AU=V": None}  # None: any level
# Beginnings of templates that hold the "is" or "are" of a movement themselves.
ASKING_BE = ("[is|are]", "when [is|are]", "why [is|are]", "aren't the", "are the", "why are the", "how strongly are",
             "how much are", "how far are", "to what degree are")  # fmt: skip

# Muscles of one unit only, by their first name: "zygomaticus major" of AU12.
_FIRST = {au: re.split(r", (?!pars)| with | and | or ", unit.muscle)[0].replace(",", "") for au, unit in ACTION_UNITS.items()}
MUSCLES = {au: name for au, name in _FIRST.items() if not name.startswith("relaxed") and list(_FIRST.values()).count(name) == 1}

# What people put before and after a question; mostly nothing.
BEFORE = (
    *[""] * 26,
    "[hey|hi|ok|okay|so|well|um|and|alright|hm], ",
    "[can|could] you tell me: ",
    "[quick|one more|another|a] question: ",
    "please tell me, ",
    "I'd like to know: ",
    "just curious, ",
    "tell me: ",
    "[sorry|excuse me], ",
    "for my research: ",
    "[next|now|then]: ",
    "honestly, ",
    "looking at this [face|photo|picture|clip]: ",
    "in this [face|photo|picture|image], ",
)
AFTER = (
    *[""] * 26,
    " please",
    " thanks",
    " thx",
    " here",
    " in this picture",
    " in this face",
    ", please?",
    " I need it for my study",
    " in your opinion",
)


@functools.cache
def templates() -> dict[str, tuple[str, ...]]:
    """Call pattern -> question patterns, of all files, each once."""
    return read_wordings(*sorted((Path(__file__).parent / "wordings").glob("*.txt")))


def read_wordings(*paths: Path) -> dict[str, tuple[str, ...]]:
    """Heading -> the lines under it, of all files, each once."""
    wordings: dict[str, dict[str, None]] = {}
    for path in paths:
        kind = ""
        for line in map(str.strip, path.read_text(encoding="utf-8").splitlines()):
            if line.startswith("# "):
                kind = line[2:]
            elif line:
                wordings.setdefault(kind, {})[line] = None
    return {kind: tuple(lines) for kind, lines in wordings.items()}


def is_held_out(template: str) -> bool:
    """One template in ten is kept from training, the same ones always."""
    return hashlib.sha256(template.encode()).digest()[0] < 26


def draw(rng: random.Random, kind: str, held: bool = False) -> tuple[str, str] | None:
    """A question of a kind and its call; held: from the held-out wordings, None when the kind has none."""
    choices = [t for t in templates()[kind] if is_held_out(t) == held]
    if not choices:
        return None
    template = rng.choice(choices)
    slots, call = _fill(rng, kind, template)
    if slots is None:
        return None
    text = say(rng, say(rng, template).format(**{k: say(rng, v) for k, v in slots.items()}))
    return (text if held else dress(rng, text, kind)), call


def speak(rng: random.Random, template: str, tag: str = "") -> tuple[tuple[str, ...], dict[str, str]]:
    """Units of one movement that can be said as the template wants, and its slots. tag: "2" for {noun2} and the like."""
    wanted = {
        name for name in ("m", "noun", "noun_bare", "doing", "rest", "one", "m_not", "m_if") if f"{{{name}{tag}}}" in template
    }
    if not wanted:
        au = rng.choice(AU_NAMES)
        return (au,), {f"code{tag}": codes(au)}
    single = f"{{code{tag}}}" in template
    s = rng.choice([s for s in SPOKEN if _says(s, wanted) and (not single or len(s.units) == 1)])
    subject, state = say(rng, s.subject), say(rng, s.states)
    noun = say(rng, s.nouns) if s.nouns else ""
    be = "are " if subject.split(" of ")[0].endswith("s") else "is "
    if template.startswith(ASKING_BE):
        be = ""  # stands in the template, before the subject
    slots = {
        f"code{tag}": codes(s.units[0]) if single else "",
        f"noun{tag}": noun,
        f"noun_bare{tag}": re.sub(r"^(a|an|the) ", "", noun),
        f"doing{tag}": s.doing,
        "one": subject.removesuffix("s"),
        "state": state,
        f"m{tag}": f"{subject} {be}{state}",
        f"rest{tag}": f"{subject} {be}{say(rng, s.rest)}",
        "m_not": f"{subject} were not {state}",
        "m_if": f"{subject} were {state}",
    }
    return s.units, slots


def _says(s: Spoken, wanted: set[str]) -> bool:
    """Whether a way to speak has all that a template wants of it."""
    return bool(
        (not wanted & {"m", "one", "m_not", "m_if"} or s.subject)
        and (not wanted & {"noun", "noun_bare"} or s.nouns)
        and ("doing" not in wanted or s.doing)
        and ("rest" not in wanted or s.rest)
    )


def _unusual_unit(rng: random.Random, template: str, tag: str) -> tuple[str, dict] | None:
    """A unit named by its muscle, or one that is not measured here; None when it is one of the 24 by its code or noun."""
    if "{muscle}" in template:
        au = rng.choice(list(MUSCLES))
        return au, {"muscle": MUSCLES[au]}
    if "{noun}" in template or "{m}" in template or rng.random() >= 0.12:
        return None
    outside = rng.choice(OUTSIDE_UNITS)
    return outside, {f"code{tag}": f"[AU{int(outside[2:])}|AU {int(outside[2:])}|action unit {int(outside[2:])}]"}


def _fill(rng: random.Random, kind: str, template: str) -> tuple[dict | None, str]:
    """Slots of a template and the call; None where what was drawn is no question of this kind."""
    slots: dict[str, str] = {"who": say(rng, WHO), "be": "is", "be_m": "is", "other": OTHER, "othern": OTHER_NOUN}
    name, *wants = kind.split()
    words = [name]
    for k, want in enumerate(wants):
        tag = "2" if k == 1 and wants[0] in ("M", "U") else ""
        if want == "U" and (one := _unusual_unit(rng, template, tag)):
            word, filled = one
        elif want in ("M", "U"):
            units, filled = speak(rng, template, tag)
            word = "/".join(units) if want == "M" else units[0]
            if ("muscle" in wants and len(units) > 1) or word in words:
                return None, ""
        elif want in EDITS:
            (au, *_), filled = speak(rng, template, tag)
            drawn = rng.choice((0, 1, 2, 3, 4, 5, 2.5, 1.5, 3.5))
            filled["v"] = f"{drawn if EDITS[want] is None else EDITS[want]:g}"
            word = f"{au}={filled['v']}"
        else:
            word, filled = _fill_word(rng, want)
        words.append(word)
        slots |= filled
    if name == "refuse":
        slots["code"] = codes(rng.choice(AU_NAMES))
    return slots, " ".join(words)


def _fill_word(rng: random.Random, want: str) -> tuple[str, dict[str, str]]:
    """A word of a call that is no movement, and its slots."""
    if want == "L":
        label = rng.choice(LABELS)
        return label, {"adj": ADJECTIVE[label], "emotion": NOUN[label]}
    if want == "L/L2":
        one, other = rng.sample(LABELS, 2)
        return "/".join(sorted((one, other), key=LABELS.index)), {
            "adj": ADJECTIVE[one], "emotion": NOUN[one], "adj2": ADJECTIVE[other], "emotion2": NOUN[other]}
    if want == "P":
        part = rng.choice(list(SPOKEN_PARTS))
        return part, {"p": f"[{'|'.join(SPOKEN_PARTS[part])}]"}
    if want == "T":
        seconds = f"{rng.choice((rng.randint(0, 12), rng.randint(0, 40) / 2, rng.randint(0, 99) / 10)):g}"
        return f"{seconds}s", {"t": seconds}
    if want == "SIDE":
        side = rng.choice(("left", "right"))
        return side, {"side": side}
    return want, {}


TYPOS = {
    "the": "teh",
    "you": "u",
    "are": "r",
    "because": "bc",
    "please": "pls",
    "brows": "borws",
    "mouth": "mouht",
    "smile": "smlie",
    "what": "waht",
    "strong": "stong",
    "movement": "movment",
    "emotion": "emtion",
    "this": "htis",
    "people": "ppl",
    "sure": "shure",
    "surprise": "suprise",
    "angry": "angrry",
    "what's": "whats",
    "open": "opn",
    "eyes": "eys",
    "eyebrows": "eyebrws",
    "smiling": "smilin",
    "strongest": "strongst",
    "why": "y",
    "your": "ur",
    "confident": "confidant",
}


def _mistype(rng: random.Random, word: str) -> str:
    """A word of small letters with one letter swapped with the next, left out or doubled; others as they are."""
    if len(word) < 4 or not word.isalpha() or not word.islower():
        return word
    k = rng.randrange(1, len(word) - 1)
    return rng.choice(
        (word[:k] + word[k + 1] + word[k] + word[k + 2 :], word[:k] + word[k + 1 :], word[:k] + word[k] + word[k:])
    )


def dress(rng: random.Random, text: str, kind: str) -> str:
    """As people write: with a word before or after, in lower case, without the question mark, with a typo."""
    if kind == "language":
        return text
    before = "" if kind in ("hello", "bye", "unclear") else say(rng, rng.choice(BEFORE))
    after = "" if kind in ("hello", "thanks", "bye", "unclear") or text.endswith((".", "!")) else rng.choice(AFTER)
    body = text.removesuffix("?") or text
    text = f"{before} {body}{after}".strip() + ("?" if text.endswith("?") and "?" not in after else "")
    return scribble(rng, text, mistypes=kind != "unclear")


def scribble(rng: random.Random, text: str, mistypes: bool = True) -> str:
    """A question as it may be typed: in lower case, without its mark, with a typo. mistypes: of single letters, too."""
    if rng.random() < 0.5:
        text = text[:1].upper() + text[1:]
    if rng.random() < 0.2:
        text = text.rstrip("?") or text
    if rng.random() < 0.2:
        text = text.lower()
    if rng.random() < 0.1:
        text = " ".join(TYPOS.get(word, word) if rng.random() < 0.5 else word for word in text.split())
    if rng.random() < 0.1 and mistypes:
        text = " ".join(_mistype(rng, word) if rng.random() < 0.3 else word for word in text.split())
    return re.sub(r" +", " ", text)
