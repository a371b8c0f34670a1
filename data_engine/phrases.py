"""How claims are worded, at each language level: patterns that are filled, and mentions of movements.

A pattern holds alternatives in brackets, "[This|Such a look] [can|may] also ...": variety comes from recombination. Slots:
{ref} the movements, {be}/{s} what their verb needs, {clauses} the movements as clauses, {codes} their codes,
{letter} its FACS level, {phrase} a combination's own words, {side}, {r} and {r2} causes, {d} a length in seconds; {a} {b}
{c} single movements in time order with {as} {bs} {cs} for their verbs and {ta} {tb} {tc} for their onsets.

What a small model got wrong is not said here (docs/decisions.md): no pair of movements is ranked, no side stands inside a
mention, no strength is said in numbers (the observation lines hold them), and every list follows the order of those lines.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

from data_engine.claims import DraftClaim, DraftFace
from emollm.facs.readings import level_letter
from emollm.facs.tables import COMBINATIONS
from emollm.talk.terms.words import PARTS, capitalise, join_words, say

if TYPE_CHECKING:
    from emollm.answer.prompt import Observation

PLAIN, CODER, CHILD, LINE = "plain", "coder", "child", "line"

# ---- movements in simple words: noun phrase is the plain one, as a clause a child can follow ------------------------------

_SIMPLE = {
    "AU01": "the inner ends of the brows go up", "AU02": "the outer ends of the brows go up",
    "AU04": "the brows go down", "AU05": "the eyes are opened wide", "AU06": "the cheeks go up", "AU07": "the lids are tight",
    "AU09": "the nose is wrinkled", "AU10": "the upper lip goes up", "AU12": "the corners of the mouth go up",
    "AU14": "the corners of the mouth are pressed in", "AU15": "the corners of the mouth go down",
    "AU17": "the chin is pushed up", "AU18": "the lips are puckered", "AU20": "the mouth is stretched sideways",
    "AU22": "the lips are turned out", "AU23": "the lips are tight", "AU24": "the lips are pressed together",
    "AU25": "the lips are open", "AU26": "the jaw is let down", "AU27": "the mouth is wide open",
    "AU28": "the lips are sucked in", "AU43": "the eyes are closed", "AU45": "the eyes blink",
}

# ---- patterns ---------------------------------------------------------------------------------------------------------------

_LOOK = (
    "the overall look [rather than|more than] [a single|any single|one] measured movement supports [it|this]",
    "[no single|no one] measured movement [supports|carries] it, [but|only] the overall look[ of the face|] does",
    "this reading [rests on|is based on|comes from] the overall look[ of the face|], [not on|and not on] a single measured "
    "movement",
    "the [whole|overall] look of the face [supports it|carries it|speaks for it], with no [single |]measured movement "
    "[behind it|as support]",
)
_SUPPORT = (
    "[commonly|often|usually] read [so|this way|like this] because of {ref}",
    "[the main support|the support|the evidence] [comes from|lies in] {ref}",
    "{ref} {be} [commonly|often|usually] read [this way|like this|so]",
    "{ref} point{s} [this way|in this direction|to it]", "this reading [rests on|is based on|builds on] {ref}",
    "[people|viewers|observers] [commonly|often|usually] read it so because of {ref}",
    "[published listings|the listed patterns] for it [include|contain|name] {ref}",
)
_PLAIN: dict[str, tuple[str, ...]] = {
    "pattern": (
        "[together|taken together|seen together|read together|as a pattern], {phrase}", "{phrase} ({codes})",
        "{codes} [belong together|act as one|form one pattern]: {phrase}",
        "[here|in this face|on this face], {phrase}", "[the main pattern|the key point|what stands out] is that {phrase}",
        "{codes} [show|appear|come] together[:|, so] {phrase}"),
    "pattern of one": ("{phrase} ({codes})", "[here|in this face|on this face], {phrase}",
                       "[the main point|the key point|what stands out] is that {phrase}"),
    "second pattern": ("[at the same time|in addition|besides|also], {phrase}",),
    "there": ("{clauses}", "[here|in this face|on this face], {clauses}",
              "[what can be seen is that|one can see that] {clauses}",
              "{ref} are [there|seen|measured]", "among the [clear|measured] movements are {ref}"),
    "only": ("{clauses}[ and no other clear movement joins in|, with no other clear movement]",
             "[only one movement shows|a single movement stands out]: {clauses}",
             "[the one clear change is that|the only clear sign is that] {clauses}"),
    "strongest": ("[the strongest movement|the clearest movement|the strongest sign][ here|] is {ref}",
                  "[strongest|clearest][ of all|] {be} {ref}", "{ref} {be} the [strongest|clearest][ movement|]",
                  "{ref} lead{s} in strength"),
    "place both": ("upper and lower face [both take part|share the movement]",
                   "the movement [takes in|reaches] [upper and lower face|the whole face]",
                   "the upper face and the lower face [both take part|contribute alike]"),
    "side": ("{codes} is [stronger|much stronger|clearer] on the {side} side", "{codes} [is|lies|shows] mainly on the {side}",
             "the face is uneven[:|, as] {codes} [lies|shows|is] mainly on the {side}"),
    "still brows": ("the brows [stay|are|remain] at rest", "[no raising and no lowering|no movement] of the brows is seen"),
    "still lips": ("the lips [stay|are|remain] closed", "the mouth [stays|is|remains] closed"),
    "still nose": ("the nose [stays|is] at rest", "no wrinkling of the nose [is seen|joins in|goes with it]"),
    "sequence2": ("it [starts|begins] with {a} at {ta} s, and then {b} follow{bs} at {tb} s",
                  "first come{as} {a} at {ta} s, and then {b} at {tb} s",
                  "{a} start{as} at {ta} s, before {b} at {tb} s"),
    "sequence3": ("it [starts|begins] with {a} at {ta} s, then {b} follow{bs} at {tb} s, and then {c} at {tc} s",
                  "first come{as} {a}, then {b}, then {c}",
                  "{a} start{as} at {ta} s, then {b} at {tb} s, and then {c} at {tc} s"),
    "at once": ("[all|the] movements [start together|begin at the same moment|set in together]",
                "[everything|it all] [starts|begins] at about the same time"),
    "brief": ("{ref} {be} brief, lasting [about |]{d} s", "{ref} last{s} only a moment"),
    "throughout": ("{ref} [stay|last]{s} throughout", "{ref} {be} there [throughout|from start to end]"),
    "lasts": ("{ref} last{s} the longest, for [about |]{d} s", "{ref} hold{s} the longest"),
    "shared cause": ("{r} [could|can|may] [move the face in the same way|look much the same|look like this]",
                     "[several of these|more than one of these] [can|could|may] also come from {r}",
                     "[a simple cause|another cause|one more cause] [could|may|might] be {r}"),
    "cause": ("{ref} [can|could|may|might] also [come from|go with|belong to] {r}",
              "{r} [can|could|may] [also|just as well] [cause|bring about|explain] {ref}",
              "[still|yet|even so], {ref} [can|could|may] [come from|go with] {r}",
              "[another reading|a second reading|a plain reading] of {ref} is {r}"),
    "causes": ("{ref} [can|could|may|might] also [come from|go with|belong to] {r} or {r2}",
               "{r} or {r2} [can|could|may] [also|just as well] [cause|bring about|explain] {ref}",
               "[another reading|a plain reading] of {ref} is {r} or {r2}"),
    "rest": ("[no measured movement stands out|no movement is strong enough to count|no clear movement is measured]"
             "[| in this face| here]",
             "[nothing in the face|no part of the face] moves [clearly|enough to be counted|strongly]",
             "the measurement [shows|gives|finds] no clear movement[| in this face| here]"),
    "rest missed": ("a [weak|small|very slight|short] movement [could|may|might] [be missed|be too small to count|go unseen]",
                    "[light|the angle|head position|the picture] [can|may|could] [hide|cover] a [small|weak|slight] movement"),
    "rest like": ("[somebody who listens|a listener] [can|may|could] look [like this|the same|much the same]",
                  "the [shape|form] of a face at rest [can|may|could] [look like|be taken for|pass for] a movement"),
    "rest read": ("a [still|resting|quiet] face is [often|sometimes|easily] read in [more than one way|different ways]",
                  "[people|viewers|observers] [often|may|can] [differ|disagree] about [such|so quiet|so still] a face"),
    "rest little": ("little can be [said|concluded] from [movement alone|the movements alone]",
                    "[so|therefore|because of this], the whole picture [counts|matters] more than any one movement"),
    "unmeasured": ("the movements [could not be|were not] measured[ here| in this face|]",
                   "[no movement could be measured|no action unit could be measured][ here| in this face|]"),
    "unmeasured look": ("only the picture as a whole is left", "[what is left|all there is] is the picture as a whole"),
    "unmeasured why": ("[light|the angle|blur|a cover] [can|may] [hide|cover] [the movements|what moves]",
                       "[the angle|the picture|the light] may not [allow|bear] a measurement"),
    "unmeasured little": ("so nothing can be said about particular movements", "which parts move stays unknown"),
    "support": _SUPPORT,
    "common": ("{ref} point{s} to it, if only weakly", "{ref} {be} [often|commonly] read this way, if only as one sign of many",
               "{ref} fit{s} it, if only weakly"),
    "look": _LOOK,
    "look at rest": ("the overall look [supports|carries] it, with no movement behind it",
                     "no movement supports it, [but|only] the overall look[ of the face|] does",
                     "this reading [rests on|comes from] the overall look[ of the face|], not on a movement"),
    "no movement": (
        "a [resting|quiet] face is [commonly|often|usually] read [so|this way|like this]",
        "the [face at rest|lack of movement] is [commonly|often|usually] read [so|this way|like this]",
        "[the lack of movement|the face at rest] is the [main |]support[ for this|]",
        "this reading [rests on|is based on|builds on] [a face at rest|the lack of movement]"),
    "unseen": ("this reading [rests on|is based on|comes from] the overall look[ of the face|]",
               "the overall look[ of the face|] [carries|supports] it[ by itself|]"),
    "against": ("{ref} speak{s} against it", "against it stand{s} {ref}",
                "{ref} {be} not typical of it",
                "{ref} {do} not [fit|go with] it"),
}
_CODER: dict[str, tuple[str, ...]] = {
    "pattern": ("{codes} [form one pattern|belong together|act as one]: {phrase}", "{phrase} ({codes})",
                "{codes} [show|appear|come] together[:|, so] {phrase}"),
    "pattern of one": ("{phrase} ({codes})", "{codes} [shows|appears]: {phrase}"),
    "there": ("[scored|coded] are {scores}", "among the [clear|measured] units are {scores}",
              "{scores} are [scored|coded|measured]"),
    "only": ("the only unit is {codes}, at {letter}", "{codes} at {letter} [stands|comes] alone",
             "[only one unit is scored|a single unit is scored]: {codes} at {letter}"),
    "strongest": ("the strongest unit is {codes}[| at level {letter}]",
                  "[strongest|clearest] is {codes}[|, at level {letter}]", "{codes} leads in strength"),
    "support": ("{codes} {cbe} listed for it", "[published listings|the listings] for it [include|contain|name] {codes}",
                "the reading [rests on|is based on] {codes}", "{codes} point{cs} to it",
                "[the support|the evidence] [comes from|lies in] {codes}"),
    "against": ("{codes} speaks against it", "against it stands {codes}", "{codes} is not typical of it"),
}
_CHILD: dict[str, tuple[str, ...]] = {
    "pattern": ("{phrase}", "[here|in this face], {phrase}", "you can see that {phrase}"),
    "pattern of one": ("{phrase}", "[here|in this face], {phrase}", "you can see that {phrase}"),
    "there": ("{clauses}", "[you can see that|here,|in this face,] {clauses}"),
    "only": ("only one movement is there: {clauses}", "{clauses}, and nothing else moves"),
    "strongest": ("{ref} {be} the strongest", "the strongest movement is {ref}", "the biggest movement is {ref}"),
    "cause": ("{r} can look like this too", "{ref} can also come from {r}"),
    "causes": ("{ref} can also come from {r} or {r2}", "{r} or {r2} can look like this too"),
    "shared cause": ("{r} can look like this too", "several of these can also come from {r}"),
    "rest": ("nothing in the face moves [much|clearly]", "no movement is seen[| in this face| here]",
             "no part of the face moves [much|clearly]"),
    "support": ("[many people|people often] read it like this because of {ref}", "{ref} point{s} to it",
                "{ref} {be} often read like this"),
    "side": ("{ref} {be} mainly on the {side}", "{ref} {be} [stronger|clearer] on the {side} side"),
    "unmeasured": ("the movements could not be measured",),
    "look": ("the overall look of the face says it, with no single movement behind it",
             "it is the overall look of the face, rather than one movement"),
    "look at rest": ("the overall look of the face says it, with no movement behind it",),
    "against": ("{ref} {do} not fit it", "{ref} speak{s} against it"),
}
WORDS = {PLAIN: _PLAIN, CODER: _CODER, CHILD: _CHILD, LINE: {}}

# Wordings that say more than their combination: closed eyes are lids, too; lip corners that "go up together" read as tucked.
TOO_MUCH = ("the brow goes down with no movement of the lids", "brows and mouth corners go up together",
             "the mouth tightens at a single corner", "the open mouth is pulled wide and flat")
_PHRASES = {c.name: [p for p in c.phrases if p not in TOO_MUCH] for c in COMBINATIONS}


class Ref(NamedTuple):
    """A mention of one or more movements, with whether its verb is a plural's."""

    text: str
    plural: bool


def word(claim: DraftClaim, face: DraftFace, level: str, rng: random.Random) -> str:
    """One sentence that says the claim at this language level; plain words where the level has none of its own."""
    kind = pattern_of(claim)
    patterns = WORDS[level].get(kind) or _PLAIN[kind]
    slots = _slots(claim, face, level, rng)
    return f"{capitalise(say(rng, rng.choice(patterns), **slots))}."


def pattern_of(claim: DraftClaim) -> str:
    """Which patterns word a claim."""
    kind = claim.kind
    if kind in ("place", "still"):
        return f"{kind} {claim.value}"
    if kind == "pattern" and len(claim.units) == 1:
        return "pattern of one"
    return kind.rstrip("123") if kind.startswith(("there", "support")) else kind


def refer(group: list[Observation], level: str, rng: random.Random) -> Ref:
    """Movements by plain words, by code, or by both; one style for the whole list, and no side: that has its own sentence."""
    coded = level == CODER or (level != CHILD and rng.random() < 0.4)
    items, plural = [], False
    for o in group:
        part = PARTS[o.au]
        one = o.side != "both" and part.one
        items.append(f"the {part.adjective} {part.one if one else part.many}{f' ({o.au})' if coded else ''}")
        plural = not one and part.many.endswith("s")
    return Ref(join_words(items), plural or len(items) > 1)


def _clause(o: Observation, level: str) -> str:
    if level == CHILD and o.side == "both" and o.au in _SIMPLE:
        return _SIMPLE[o.au]
    part = PARTS[o.au]
    one = o.side != "both" and part.one
    return (f"the {part.one if one else part.many} {'is' if one or not part.many.endswith('s') else 'are'} "
            f"[{'|'.join(part.states)}]")


def _letter(intensity: float) -> str:
    return level_letter(intensity)


def _slots(claim: DraftClaim, face: DraftFace, level: str, rng: random.Random) -> dict[str, str]:
    group = [face.there[au] for au in claim.units if au in face.there]
    slots = {"side": str(claim.value), "codes": join_words([o.au for o in group])}
    if claim.kind in ("pattern", "second pattern"):
        slots["phrase"] = rng.choice(_PHRASES[claim.value])
    if group:
        ref, first = refer(group, level, rng), group[0]
        slots |= {"ref": ref.text, "be": "are" if ref.plural else "is", "s": "" if ref.plural else "s",
                  "do": "do" if ref.plural else "does",
                  "cbe": "are" if len(group) > 1 else "is", "cs": "" if len(group) > 1 else "s",
                  "clauses": join_words([say(rng, _clause(o, level)) for o in group]),
                  "scores": join_words([f"{o.au} at {_letter(o.intensity)}" for o in group]),
                  "letter": _letter(first.intensity)}
    if claim.kind.startswith("sequence"):
        slots |= _time_slots(group, claim.value, level, rng)
    if claim.kind in ("brief", "throughout", "lasts"):
        slots["d"] = f"{claim.value:.1f}"
    if claim.kind in ("cause", "shared cause"):
        slots["r"] = claim.value
    if claim.kind == "causes":
        slots["r"], slots["r2"] = claim.value
    return slots


def _time_slots(group: list[Observation], onsets: list[float], level: str, rng: random.Random) -> dict[str, str]:
    slots, coded = {}, rng.random()
    for name, o, onset in zip("abc", group, onsets, strict=False):
        same = random.Random(coded)  # one style for all of them
        ref = refer([o], level, same)
        slots |= {name: ref.text, f"{name}s": "" if ref.plural else "s", f"t{name}": f"{onset:.1f}"}
    return slots
