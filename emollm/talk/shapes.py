"""An answer in another shape: shorter, longer, simpler, as so many bullets or words, as a table, as JSON with given keys.

What was just told is told again, whatever it was about; what cannot be done is said in half a sentence.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from emollm.facs.affect import affect
from emollm.facs.readings import level_letter
from emollm.facs.units import ACTION_UNITS
from emollm.schema import LABELS
from emollm.talk.lookups.impression import WORDS
from emollm.talk.lookups.lookup import OF_THE_FACE, look_up
from emollm.talk.lookups.styles import code
from emollm.talk.lookups.whole_face import NAMED
from emollm.talk.terms.call import Call
from emollm.talk.terms.face import Face
from emollm.talk.terms.finding import words_of
from emollm.talk.terms.words import PARTS, capitalise, movement_pattern, say

_NUMBERS = {word: k for k, word in enumerate(
    ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), 1)} | {"a single": 1, "a couple of": 2}
_N = rf"({'|'.join(_NUMBERS)}|\d{{1,2}})"
# Kind of shape -> its words; the first kind that fits counts. A group is a number, or the keys.
_SHAPES = tuple((kind, re.compile(words)) for kind, words in (
    ("json", r"\bjson\b.*?\b(?:keys?|fields?|attributes?|properties|entries)\b[:\s]*(?:named |called |are |only )?(.+)"),
    ("json", r"\bjson\b\W*(?:object )?(?:like |of the form |with )?(\{.+)"),
    ("bullets", rf"\b{_N} (?:\w+ )?(?:bullets?|points(?! (?:in|of|on)\b)|items|lines)\b"),
    ("words", rf"\b{_N} (?:\w+ )?words?\b"),
    ("letter", r"\b(?:one|single|just|facs|which|what|as an?) letters?\b|\bletter grade\b|\ba ?(?:-|to|through) ?e\b"),
    ("sentences", rf"\b{_N} (?:\w+ )?sentences\b"),
    ("table", r"\b(?:as|in|into|make|give|put|draw|want|need) (?:(?:it|that|this|them|me|in|into|an?|"
              r"markdown|little|small|short) )*"
              r"table\b|"
              r"\btabular\b|\bin columns\b|^\W*(?:markdown )?table\b|\btable (?:please|form\w*)\b"),
    ("longer", r"\blonger\b|\bmore details?\b|\belaborate\b|\bin (?:more )?(?:depth|detail)\b|\bexpand\b|\bmore verbose\b|"
               r"\btell me more\b|\bdetailed\b|\bmore about (?:that|it)\b"),
    ("short", r"\bshort(?:er|ly)?\b|\bbrief(?:er|ly)?\b|\b(?:one|single) (?:sentence|line)\b|\btl;?dr\b|\bcondense\w*|"
              r"\btoo long\b|\bcut it down\b|\bin a nutshell\b|\b(?:less|fewer) words\b"),
    ("simple", r"\bsimpl(?:er|ify|y)\b|\beasier\b|\bplain(?:er)?\b|\b(?:no|without|less) (?:the )?(?:jargon|codes|numbers)\b|"
               r"\bless technical\b|\blay(?:man|person|men)\w*|\bnormal (?:words|english)\b|\bdumb it down\b"),
    ("bullets", r"\bbullet|\bas a list\b"),
))
STYLE = {"short": "short", "words": "short", "simple": "plain", "longer": "formal", "json": "json"}  # else bullets
AT_ONCE = ("bullets", "words", "table", "json", "letter", "sentences")  # shapes of what is asked in the same question
SENTENCE = 6  # words from which an answer about the reading is a sentence
_AROUND = words_of(
    "a an and as at all but by can can't could couldn't do exactly for format give get hm i in into is it it's just list "
    "make me more much need now of ok okay once one only or again answer please pls plz point points put rather same say "
    "said sentence so still text that that's the then there this to too want was way with without would write wrote you your "
    "u ur uh output return rewrite rephrase reword long version explanation response bit little even way again thx thanks "
    "what kid words understand english markdown tell about item items line lines bullet bullets word short keep"
) | set(_NUMBERS)
OF_A_READING = ("label", "is", "why", "whynot", "sure", "shares", "mood", "words", "other", "intent", "reply", "tell")
_NOT_RESHAPED = ("", "unclear", "hello", "thanks", "bye", "able", "who", "offtopic")
_ANEW = re.compile(r"\bwhat (?:do |can |did )?(?:you|u) (?:do |can |actually )?(?:know|see|tell|measure)\b|"
                   r"\b(?:face|picture|photo|clip|video|everything|whole|explain (?!it|that)|describe (?!it|that)|movements?|"
                   r"why|how|who)\b")
# What a key of JSON asks for, by its name: (name, of the face and those of its movements that were asked about).
_FIELDS = (
    (r"emotion|label|reading|expression|mood|feeling|class|prediction|sentiment", lambda face, on: face.label),
    (r"confidence|p|prob(?:ability)?|score|share|certainty|likelihood",
     lambda face, on: round(face.distribution[face.label], 2)),
    (r"(?:all )?(?:probabilities|scores|shares|distribution)|emotions|labels",
     lambda face, on: {label: round(face.distribution[label], 2) for label in face.ranked_labels}),
    (r"second|runner ?up|alternative", lambda face, on: face.ranked_labels[1]),
    (r"aus?|action ?units?|units?|movements?|facs|evidence", lambda face, on: on),
    (r"intensit\w+|levels?|strengths?|values?", lambda face, on: {au: face.facts.strength(au) for au in on}),
    (r"sides?", lambda face, on: {au: face.facts.side(au) for au in on}),
    (r"code|facs ?code", lambda face, on: code(face)),
    (r"not ?measured|missing|unmeasured", lambda face, on: face.units("unmeasured")),
    (r"valence", lambda face, on: round(affect(face.distribution).valence, 2)),
    (r"arousal", lambda face, on: round(affect(face.distribution).arousal, 2)),
)
_TEXT = re.compile(r"text|description|answer|explanation|summary|reason")
_BRACKET = re.compile(r" ?\((?:AU\d\d|\d\.\d)[^()]*\)")
_FIGURE = re.compile(r"AU\d\d|\d\.\d+")
_SMALL = re.compile(r"\b(?:the|is|are|was|were|it|this face|there)\b ?", re.IGNORECASE)
_LEVEL = re.compile(r"\b(AU\d\d)\b[^;.()A]*?[, (](\d\.\d)")
_MOVED = re.compile(r"([^;:.()\n]+?) \((AU\d\d), (\d\.\d(?: (?:against|and) \d\.\d| \w+)?)")
_SHARE = re.compile(rf"\b({'|'.join(LABELS)})\b(?: \w+){{0,2}} \(?(\d\.\d\d)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Shape:
    """kind: of _SHAPES; number: of bullets or words, 0 as many as there are; keys: of JSON."""

    kind: str
    number: int = 0
    keys: tuple[str, ...] = ()


def shape_in(question: str) -> Shape | None:
    """The shape that a question wants its answer in, by its words."""
    text = re.sub(r"\bscale\b.*", "", question.lower())
    kind, found = next(((kind, found) for kind, words in _SHAPES if (found := words.search(text))), ("", None))
    if found is None:
        return None
    given = found[1] if found.re.groups else ""
    if kind == "json":
        return Shape(kind, keys=tuple(re.findall(r"[a-z][\w-]*", re.sub(r"\b(?:and|only|please|pls|as|the)\b", " ", given))))
    return Shape(kind, _NUMBERS.get(given) or int(given or 0))


def wants_last(shape: Shape | None, call: Call, question: str, last: Call) -> bool:
    """Whether the answer to the last call is wanted again in a shape, and not an answer of its own."""
    if shape is None or last.name in _NOT_RESHAPED:
        return False
    text = rest = question.lower()
    for _, words in _SHAPES:
        rest = words.sub(" ", rest)
    return words_of(rest) <= _AROUND or ((call.name == "tell" or shape.kind == "json") and not _ANEW.search(text))


def reshape(answer: str, shape: Shape, call: Call, face: Face | None) -> str:
    """An answer to a call in another shape."""
    if shape.kind == "json":
        return json.dumps({key: _field(key, answer, call, face) for key in shape.keys})
    if face and call.name == "tell" and (answer[0] == "{" or (answer[0] == "-" and shape.kind == "short")):
        answer = look_up(Call("tell", word="short" if shape.kind == "short" else "formal"), face).answer()
        return answer if shape.kind == "short" else reshape(answer, shape, call, face)
    if shape.kind == "words":
        return _in_words(answer, shape.number, call, face)
    if shape.kind == "sentences":
        return _in_sentences(answer, shape.number)
    if shape.kind == "bullets":
        return _bullets(answer, shape.number)
    reshaped = {"short": _shorter, "simple": _simpler, "letter": _letters, "table": _table, "longer": _longer}[shape.kind]
    return reshaped(answer, call, face)


def _sentences(answer: str) -> list[str]:
    lines = [line.removeprefix("- ") for line in answer.strip().split("\n")]
    return [part for line in lines for part in re.split(r"(?<=[.!?]) (?=[A-Z])", line) if part]


def _telegram(clause: str) -> str:
    """The words that carry a clause, without codes and without what leads to it ("At the mouth: ...")."""
    bare = _SMALL.sub("", _BRACKET.sub("", re.sub(r"^(?:No|Yes|At|About|In)\b[^:,]{0,20}[:,] ", "", clause)))
    return capitalise(bare.strip(" .")) + "."


def _shorter(answer: str, call: Call, face: Face | None) -> str:
    """Its first sentence, of one sentence its first clause, of a clause no codes, at last only the words that carry it."""
    first = _sentences(answer)[0]
    clause = first.split("; ")[0]
    named = next(iter(re.findall(r"^(.* is the [^:]*|(?:\S+ ){8,}?[^:]*):", clause)), clause)
    ways = [first, clause, named, _BRACKET.sub("", clause), *([_telegram(clause)] if call.name in OF_THE_FACE else [])]
    short = next((way for way in ways if len(way) < len(answer.strip()) - 1), "")
    return f"{short.rstrip('.;,')}." if short else f"{answer} Shorter than that it cannot be said."


def _simpler(answer: str, call: Call, face: Face | None) -> str:
    """Without codes, levels and shares, and with what people call a movement."""
    simple = _BRACKET.sub("", answer)
    for au, unit in ACTION_UNITS.items():
        part = PARTS[au]
        codes = "" if call.name == "au" else rf"|\b{au}\b"
        simple = re.sub(rf"(?:\bthe )?\b{unit.title}\b{codes}", f"{part.adjective} {part.many}", simple, flags=re.IGNORECASE)
        if part.many.endswith("s"):
            for one, many in (("is", "are"), ("was", "were"), ("speaks", "speak"), ("supports", "support")):
                simple = re.sub(rf"({part.adjective} {part.many}) {one}\b", rf"\1 {many}", simple)
    simple = re.sub(r"(?:^|(?<=[.!?] ))[a-z]", lambda m: m[0].upper(), simple)
    return simple if simple != answer else f"{answer} Simpler than that I cannot say it."


def _longer(answer: str, call: Call, face: Face | None) -> str:
    """With what else is known of the same."""
    if call.name == "au":
        further = [Call("au", call.units, word=aspect) for aspect in ("alike", "readings", "source")]
    elif call.name in ("refuse", "outside"):
        further = [Call("grounds", word=call.word)] if call.name == "refuse" else []
    elif call.units:
        further = [Call("strength", call.units), Call("side", call.units), Call("au", call.units)]
    else:
        further = [Call("why"), Call("movements"), Call("shares")] if call.name in OF_THE_FACE else []
    further = [more for more in further if face or more.name in ("au", "grounds")]
    told = [one for more in further for one in _sentences(look_up(more, face).answer())]
    known, new = set(_FIGURE.findall(answer)), []
    for one in told:  # what brings no unit and no figure of its own was told
        figures = set(_FIGURE.findall(one))
        new += [one] if (figures - known or not figures or " is the " in one) and one not in answer else []
        known |= figures
    return " ".join([answer, *dict.fromkeys(new)] if new else [answer, "More than that I do not know of it."])


def _letters(answer: str, call: Call, face: Face | None) -> str:
    """The levels as the letters of FACS, of the movements asked about or of all that are told."""
    asked = [au for movement in call.units for au in movement]
    every = [(au, float(level)) for au, level in _LEVEL.findall(answer)]
    told = [(au, level) for au, level in every if au in asked] or every
    if not told:
        return f"{answer} So there is no letter."
    return f"{', '.join(f'{level_letter(level)} ({au}, {level:.1f})' for au, level in dict.fromkeys(told))}."


def _in_sentences(answer: str, number: int) -> str:
    """In so many sentences at most: of more the first ones are joined."""
    parts = _sentences(answer)
    more = max(0, len(parts) - number)
    return " ".join(["; ".join(part.rstrip(".!") for part in parts[:more + 1]) + ".", *parts[more + 1:]])


def _bullets(answer: str, number: int) -> str:
    """So many bullets: of more sentences the first ones share one, of fewer their clauses get one each."""
    parts = _sentences(answer)
    if len(parts) < number:
        parts = [clause for part in parts for clause in part.split("; ")]
    if number and len(parts) > number:
        together = parts[: len(parts) - number + 1]
        parts = [(" " if together[0].endswith(".") else "; ").join(together), *parts[len(together):]]
    few = ["", "There is no more to say than that."] if len(parts) < number else []
    return "\n".join([*(f"- {capitalise(part)}" for part in parts), *few])


def _in_words(answer: str, number: int, call: Call, face: Face | None) -> str:
    """At most so many words: of a movement what carries it, of a reading words for the label, or a sentence that fits."""
    if face and call.name in OF_A_READING and number >= SENTENCE:
        told = [say(None, movement_pattern(au, face.facts.side(au))) for au in face.worth_telling()[:NAMED]]
        tries = (" ".join([*([f"{capitalise('; '.join(told[:k]))}."] if k else []), f"Commonly read as {face.label}."])
                 for k in range(len(told), -1, -1))
        return next(text for text in tries if len(text.split()) <= number)
    if face and call.name in OF_A_READING:
        chosen = [face.label] if number == 1 else list(WORDS[face.label])[:number]
        return f"{capitalise(', '.join(chosen))}."
    bare = _telegram(re.split(r"[;.] ", answer)[0])
    bare = re.sub(r"^AU\d\d (.*?):.*", r"\1.", bare)  # of a unit its name
    return bare if len(bare.split()) <= number else f"{bare} In fewer words it cannot be said."


def _table(answer: str, call: Call, face: Face | None) -> str:
    """Movements with unit and level, and labels with their shares, as rows."""
    rows = [(capitalise(what.strip(" -").removeprefix("and ")), au, level) for what, au, level in _MOVED.findall(answer)]
    every = face.ranked_labels if face and call.name == "shares" else []
    shares = [(label, face.share(label)) for label in every] or _SHARE.findall(answer)
    rows += [(label.lower(), "", share) for label, share in shares]
    if not rows:
        return f"{_bullets(answer, 0)}\n\nFor a table there are no figures in it."
    lines = [f"| {' | '.join(row)} |" for row in dict.fromkeys(rows)]
    return "\n".join(["| what | unit | level or share |", "| --- | --- | --- |", *lines])


def _field(key: str, answer: str, call: Call, face: Face | None):
    """What a key asks for, by its name; None where nothing that is known goes by it."""
    name = re.sub(r"[_-]+", " ", key)
    if _TEXT.fullmatch(name):
        return answer
    find = next((find for words, find in _FIELDS if re.fullmatch(words, name)), None)
    if face is None or find is None:
        return None
    asked = {au for movement in call.units for au in movement}
    return find(face, [au for au in face.units("on") if not asked or au in asked])
