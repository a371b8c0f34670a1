"""Movements that a clause names, by code, FACS name or plain words, and whether it says that they are there.

A mention is a set of action units of which one is enough ("raised brows": AU01 or AU02), with the side and strength that the
words next to it give, and its polarity: denied by "no", "without", "fails to", "is absent", twice denied and so affirmed, ...
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from emollm.answer import lexicon
from emollm.answer.clauses import Clause
from emollm.answer.denial import polarity
from emollm.answer.lexicon import words
from emollm.answer.mention import Mention

_CODE = re.compile(
    r"\b(?:aus?|action units?)[ -]?(?P<list>\d{1,2}[a-e]?(?:\s?(?:\+|,|/|and|&)\s?(?:au "
    r"?)?\d{1,2}[a-e]?(?![\d.]))*)\b"
)
_LONE_CODE = re.compile(r"(?<![\w.])(?P<unit>\d{1,2})(?P<letter>[a-e])(?![\w.])")
_NUMBER = re.compile(r"(\d{1,2})([a-e]?)")
_TITLE = re.compile(r"\b(?:" + "|".join(sorted(map(re.escape, lexicon.TITLES), key=len, reverse=True)) + r")s?\b")
_PHRASE = re.compile("|".join(rf"(?P<p{k}>\b(?:{words})\b)" for k, (words, _) in enumerate(lexicon.PHRASES)))
_ITEM = re.compile(
    "|".join(
        (
            *(rf"(?P<part_{k}>\b(?:{words})\b)" for k, words in enumerate(lexicon.PARTS.values())),
            *(rf"(?P<move_{k}>\b(?:{words})\b)" for k, words in enumerate(lexicon.MOVES.values())),
            r"(?P<word>[\w'-]+)",
            r"(?P<sign>[^\w\s])",
        )
    )
)
_PARTS, _MOVES = tuple(lexicon.PARTS), tuple(lexicon.MOVES)

_BETWEEN = words("""
the a an of both left right his her their its inner outer upper in at from with side sides end ends part any clear
visible slight marked strong little clearly slightly strongly these and along root bridge to drawn pulled pushed
appear appears form forms show shows on across pull push lift tug turn
""")
_TOGETHER_VERBS = words("""
work works act acts move moves come comes go goes rise rises belong belongs start starts appear appears begin begins
occur occurs in all both taken seen lips
""")
_DETERMINERS = words("""
the a an no any his her their its clear with of without both and or nor
""")
_COPULA = words("""
is are was were be been being stay stays remain remains look looks seem seems appear appears get gets keep keeps kept
held has have had go goes going come comes came went move moves turn turns turned pull pulls pulled push pushes pushed
draw draws drawn bend bends not n't
""")
_ADVERBS = words("""
very slightly strongly clearly markedly moderately faintly weakly only also both firmly tightly further far quite
rather well just visibly barely hardly scarcely more most less somewhat fully almost all completely sharply a little
bit extremely intensely subtly mildly gently heavily still so now then once back not never n't strong slight marked
pulled pushed drawn turned
""")


def mentions(clause: Clause) -> list[Mention]:
    """Every movement named in a stated clause, in order of place; [] for one that states nothing."""
    if not clause.stated:
        return []
    text = clause.text
    movements = _codes(text) + _titles(text)
    movements += _phrases(text, _cover(movements))
    movements += _moved_parts(text, _cover(movements))
    movements = _drop_doubles(sorted(movements, key=lambda m: (m.start, -m.end)), text)
    for mention in movements:
        polarity(mention, movements, text)
    halves = (lexicon.MEANING["upper face", "move"], lexicon.MEANING["lower face", "move"])
    return [m for m in movements if m.denied or m.units not in halves]  # where most of it moves: a matter of place


def _cover(movements: list[Mention]) -> set[int]:
    return {k for m in movements for k in range(m.start, m.end)}


def _codes(text: str) -> list[Mention]:
    codes = []
    for match in _CODE.finditer(text):
        for one in _NUMBER.finditer(text, match.start("list"), match.end("list")):
            letter = lexicon.LETTERS.get(one[2].upper(), "")
            first = not codes or codes[-1].end <= match.start()
            start = match.start() if first else one.start() - 2 * text[: one.start()].endswith("au")
            codes.append(Mention(start, one.end(), (f"AU{int(one[1]):02d}",), level=letter))
    for match in _LONE_CODE.finditer(text):
        if not any(m.start <= match.start() < m.end for m in codes):
            codes.append(
                Mention(
                    match.start(),
                    match.end(),
                    (f"AU{int(match['unit']):02d}",),
                    level=lexicon.LETTERS[match["letter"].upper()],
                )
            )
    return codes


def _titles(text: str) -> list[Mention]:
    titles = []
    for match in _TITLE.finditer(text):
        if match[0] == "jaw drops":  # the jaw drops in AU27 as well
            continue
        title = match[0] if match[0] in lexicon.TITLES else match[0][:-1]
        titles.append(Mention(*match.span(), (lexicon.TITLES[title],)))
    return titles


def _phrases(text: str, taken: set[int]) -> list[Mention]:
    return [
        Mention(*m.span(), lexicon.names(lexicon.PHRASES[int(m.lastgroup[1:])][1]))
        for m in _PHRASE.finditer(text)
        if m.start() not in taken
    ]


# ---- "the inner ends of the brows are pulled up": a part and its movement -----------------------------------------------


@dataclass
class _Item:
    kind: str  # part | move | word | sign
    name: str
    start: int
    end: int


def _items(text: str, taken: set[int]) -> list[_Item]:
    items = []
    for match in _ITEM.finditer(text):
        kind, _, number = match.lastgroup.partition("_")
        if kind in ("part", "move") and match.start() in taken:
            kind = "taken"
        name = {"part": _PARTS, "move": _MOVES}[kind][int(number)] if kind in ("part", "move") else match[0]
        items.append(_Item(kind, name, *match.span()))
    return items


def _moved_parts(text: str, taken: set[int]) -> list[Mention]:
    items, movements, paired, moves = _items(text, taken), [], set(), []
    for k, item in enumerate(items):
        if item.kind != "move" or (
            text[item.start : item.end] == "together"
            and (items[k - 1].name in _TOGETHER_VERBS or text[item.end :].startswith(" with"))
        ):
            continue
        if item.name == "down" and items[k - 1].name in ("come", "comes", "came", "back"):  # over, not lowered
            continue
        left, right = _part_left(items, k), _part_right(items, k)
        near = left is not None and _says_of(items, left, k)
        if item.name == "move" and _is_noun(text[item.start : item.end]):  # "movement of the mouth", "mouth movement"
            near = left == k - 1
            left = left if near else None
        if right is not None and k and items[k - 1].name in _DETERMINERS:  # "weaker than the raised cheeks"
            near = False
        parts = [left] if near or right is None else [right]
        if parts == [None]:
            continue
        parts = _coordinated_parts(items, parts[0], backward=parts[0] < k, paired=paired)
        for p in parts:
            if mention := _mention_of(items[p], item):
                paired.add(p)
                movements.append(mention)
                moves.append(item)
    return movements + _bare_parts(items, paired, text) + _elliptic_mentions(items, paired, moves, text)


def _is_noun(word: str) -> bool:
    return word.startswith(("movement", "motion", "action", "activity"))


def _part_left(items: list[_Item], k: int) -> int | None:
    for p in range(k - 1, -1, -1):
        if items[p].kind == "part":
            return p
        if items[p].kind == "taken" or items[p].name in (";", ":", "while", "but") or k - p > 9:
            return None
    return None


def _part_right(items: list[_Item], k: int) -> int | None:
    for p in range(k + 1, min(k + 7, len(items))):
        if items[p].kind == "part":
            return p
        if items[p].kind == "move":  # "raised and drawn together inner brows"
            continue
        if items[p].name not in _BETWEEN:
            return None
    return None


def _says_of(items: list[_Item], p: int, k: int) -> bool:
    """Whether the movement is said of the part before it: a verb or nothing but adverbs stands between them."""
    between = items[p + 1 : k]
    if not between or any(w.name in _COPULA for w in between):
        return True
    return all(w.name in _ADVERBS or w.kind == "move" or w.name in ("and", "side", "sides", "in", "over") for w in between)


def _coordinated_parts(items: list[_Item], p: int, backward: bool, paired: set[int]) -> list[int]:
    """The part and those joined to it: "brows and eyes" before a verb, "raised brows and lids" after an adjective."""
    parts, step = [p], -1 if backward else 1
    k = p + step
    joined = False
    while 0 <= k < len(items):
        item = items[k]
        if item.kind == "part" and joined and k not in paired:
            parts.append(k)
            joined = False
        elif item.name in ("and", "or", "nor", ",", "&", "but"):
            joined = True
        elif item.kind == "move" or item.name not in (
            "the",
            "both",
            "his",
            "her",
            "their",
            "left",
            "right",
            "any",
            "all",
            "also",
        ):
            break
        k += step
    if not backward and len(parts) > 1:  # a later part with a movement of its own keeps it
        last = max(parts)
        after = items[last + 1 : last + 4]
        if any(w.kind == "move" for w in after):
            parts = [q for q in parts if q == p]
    return sorted(parts)


def _mention_of(part: _Item, move: _Item) -> Mention | None:
    start, end = min(part.start, move.start), max(part.end, move.end)
    if denied := lexicon.DENIALS.get((part.name, move.name)):
        return Mention(start, end, denied, flips=True)
    if units := lexicon.MEANING.get((part.name, move.name)):
        return Mention(start, end, units)
    return None


_BARE = re.compile(r"\b(?:without|not)\s+(?:the |any |her |his |their )?$")


def _bare_parts(items: list[_Item], paired: set[int], text: str) -> list[Mention]:
    """ "without the cheeks": no movement of them."""
    return [
        Mention(i.start, i.end, lexicon.MEANING[i.name, "move"])
        for p, i in enumerate(items)
        if i.kind == "part" and p not in paired and (i.name, "move") in lexicon.MEANING and _BARE.search(text[: i.start])
    ]


_BESIDE = re.compile(r"\b(?:before|after|than|ahead of|as well as|followed by|follows?)\s+(?:the |those of the |both )?$")


def _elliptic_mentions(items: list[_Item], paired: set[int], moves: list[_Item], text: str) -> list[Mention]:
    """ "The cheeks rise after the mouth corners": the part beside which another one moves does the same."""
    movements = []
    for p, i in enumerate(items):
        beside = i.kind == "part" and p not in paired and moves and _BESIDE.search(text[: i.start])
        units = lexicon.MEANING.get((i.name, moves[-1].name)) if beside else None
        if units:
            movements.append(Mention(i.start, i.end, units))
    return movements


# ---- one movement in two words: "the raised cheeks (AU06)", "AU06 cheek raiser" -----------------------------------------

_OPEN_BRACKET = re.compile(r"\([^)]*$")
_APPOSED = re.compile(r"\s*[(,]?\s*(?:the |a |an |or |i\.e\.,? |that is,? |code |shown by |measured as )?\(?\s*")


def _drop_doubles(movements: list[Mention], text: str) -> list[Mention]:
    """Mentions with those put away that only repeat their neighbour in brackets, or lie inside another one."""
    kept: list[Mention] = []
    for m in movements:
        same = next((k for k in reversed(kept) if _is_same_movement(k, m, text)), None)
        if same is None:
            kept.append(m)
            continue
        units = set(same.units) & set(m.units)
        same.units = tuple(u for u in same.units if u in units)
        same.level = same.level or m.level
        if m.start <= same.end + 24 and not any(same.end <= k.start < m.start for k in kept if k is not same):
            same.end = max(same.end, m.end)
    return kept


def _is_same_movement(a: Mention, b: Mention, text: str) -> bool:
    if not set(a.units) & set(b.units) or a.flips != b.flips:
        return False
    if b.start < a.end or (text[b.start : b.end].startswith(("au", "action")) and _OPEN_BRACKET.search(text[: b.start])):
        return True  # "the mouth smiles with no lift of the cheeks (AU12)": the code is that of the smile
    between = text[a.end : b.start]
    return bool(_APPOSED.fullmatch(between)) and (
        "(" in between or not between.strip() or between.strip() in ("or", ", or", ", the")
    )
