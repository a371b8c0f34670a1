"""The rule writer: interpretation and conclusion of one face, from its observations and a label.

Everything said is a function of the observations (and, in the conclusion, of the label), so no sentence claims a
movement that was not measured. The interpretation comes before the label and therefore never names one.
How it is worded: phrases.py.
"""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

from data_engine.phrases import clause, codes, refer, sentence
from emollm.answer.times import SIMULTANEOUS
from emollm.facs.readings import level_word, relation
from emollm.facs.tables import COMBINATIONS, OTHER_READINGS, Combination
from emollm.facs.units import UPPER_FACE
from emollm.schema import LABELS
from emollm.talk.words import capitalised, say

if TYPE_CHECKING:
    from emollm.answer.prompt import Observation

BRIEF = 0.5  # s
CLEARLY_STRONGER = 0.3  # intensity; less than this is within what two FACS coders differ by

# Words that would give the label away before the evidence is through.
LEAK = re.compile(r"\b(neutral\w*|happ[iy]\w*|joy\w*|sad(?!dle)\w*|surpris\w*|fear\w*|afraid|scared|frighten\w*|"
                  r"disgust\w*|ang(er|ry|ri)\w*|contempt\w*|scorn\w*)\b", re.IGNORECASE)


# What may be said to be missing: only when none of these action units is there. AU09 also lowers the brow and lifts
# the lip, AU06 also narrows the eyes, AU22 also opens the lips.
ABSENCES = (
    ({"AU04", "AU09"}, "lowering of the brows"), ({"AU01", "AU02"}, "raising of the brows"),
    ({"AU05"}, "widening of the eyes"), ({"AU06"}, "lift of the cheeks"),
    ({"AU06", "AU07", "AU43", "AU45"}, "narrowing of the eyes"), ({"AU09"}, "wrinkling of the nose"),
    ({"AU09", "AU10"}, "lift of the upper lip"), ({"AU12"}, "upward pull of the mouth corners"),
    ({"AU15"}, "downward pull of the mouth corners"),
    ({"AU17"}, "push of the chin"), ({"AU20"}, "sideways stretch of the mouth"),
    ({"AU23", "AU24"}, "pressing of the lips"), ({"AU22", "AU25", "AU26", "AU27"}, "opening of the mouth"),
)


def interpretation(observations: list[Observation], rng: random.Random) -> str:
    """How the movements combine and what else they could come from, in 2-4 sentences that name no label.

    observations: only movements that are there (may be empty). The same observations and rng state give the same text.
    """
    if not observations:
        return _at_rest(rng)
    optional = [_strength, _places, _sides, _timing, _absences]
    rng.shuffle(optional)
    sentences = [_combined(observations, rng)]
    wanted = rng.choices((1, 2), weights=(2, 3))[0]
    for write in optional:
        written = write(observations, rng)
        if written and len(sentences) <= wanted:
            sentences.append(written)
    other = _other_readings(observations, rng)
    sentences.insert(len(sentences) if rng.random() < 0.75 else 1, other)
    return " ".join(sentences)


def conclusion(label: str, observations: list[Observation], rng: random.Random) -> str:
    """What follows "Conclusion: {label}.": the evidence for it and against it.

    The next label is not written: it is read off the distribution where the explanation is put together (answer.bind.argue),
    since a writer that does not see the distribution guesses it.
    """
    strongest = sorted(observations, key=lambda o: -o.intensity)
    against = [o for o in strongest if relation(label, o.au) == "against"]
    support = [o for o in observations if relation(label, o.au) == "for"]
    support.sort(key=lambda o: -o.intensity / _labels_listing(o.au))
    said = _support(label, support, observations, rng)
    return f"{capitalised(said + (_objection(against, rng) if against else ''))}."


# ---- interpretation: one function a sentence ------------------------------------------------------------------------

def matching(observations: list[Observation]) -> list[Combination]:
    """Combinations that hold for these observations, largest first; one that is part of a larger one is left out."""
    sides = {o.au: o.side for o in observations}
    found = [c for c in COMBINATIONS if c.aus <= sides.keys() and not c.without & sides.keys()
             and _sides_fit({sides[au] for au in c.aus}, c)]
    return sorted((c for c in found if not any(c.aus < d.aus for d in found)), key=lambda c: -len(c.aus))


def _sides_fit(sides: set[str], combination: Combination) -> bool:
    if combination.one_sided:
        return len(sides) == 1 and "both" not in sides
    return sides == {"both"}


_TOGETHER = (
    "[Together|Taken together|Seen together|Read together|As a pattern], {phrase}", "{phrase} ({codes})",
    "{phrase}[;|, and] {codes} [belong together|act as one|form one pattern]",
    "[with|through] {codes}, {phrase}", "[here|in this face|on this face], {phrase}",
    "[the main pattern|the key point|what stands out] is that {phrase}",
    "{codes} [show|appear|come] together[:|, so] {phrase}",
)
_ALONE = ("{phrase} ({codes})", "[here|in this face|on this face], {phrase}", "through {codes}, {phrase}",
          "[the main point|the key point|what stands out] is that {phrase}", "{codes} [shows|stands out]: {phrase}")


def _combined(observations: list[Observation], rng: random.Random) -> str:
    """The combination that the observations contain, or else their strongest movements side by side."""
    found = matching(observations)
    if found and rng.random() < 0.75:
        chosen = rng.choice(found[:3])
        text = sentence(rng, _TOGETHER if len(chosen.aus) > 1 else _ALONE, phrase=rng.choice(chosen.phrases),
                        codes=codes(chosen.aus, rng))
        apart = [c for c in found if not c.aus & chosen.aus]
        if apart and rng.random() < 0.5:
            text += " " + sentence(rng, ("[at the same time|in addition|besides|also], {phrase}",),
                                   phrase=rng.choice(rng.choice(apart).phrases))
        return text
    return _side_by_side(observations, rng)


def _side_by_side(observations: list[Observation], rng: random.Random) -> str:
    first, *rest = sorted(observations, key=lambda o: -o.intensity)
    if not rest:
        return sentence(rng, ("{a}[ and no other clear movement joins in| with no other clear movement|, alone]",
                              "[only one movement shows|a single movement stands out]: {a}",
                              "[the one clear change is that|the only clear sign is that] {a}",
                              "{code} [stands alone|comes alone|is the only movement]: {a}"),
                        a=clause(first, rng), code=first.au)
    second = rng.choice(rest[:2])
    pair = [first, second] if rng.random() < 0.7 else [second, first]
    return sentence(rng, ("{a} [while|and|and at the same time] {b}", "[here|in this face], {a} [while|and] {b}",
                          "{a}[, and|;] {b} [as well|too|with it]", "[along with|besides] {code}, {b}",
                          "[two things show|two movements stand out|two signs go together]: {a} and {b}"),
                    a=clause(pair[0], rng), b=clause(pair[1], rng), code=pair[0].au)


def _strength(observations: list[Observation], rng: random.Random) -> str:
    if len(observations) < 2:
        o = observations[0]
        ref = refer([o], rng)
        return sentence(rng, ("{ref} {be} of {level} strength",
                              "the {level} strength of {ref} [sets the picture|is what counts]"),
                        ref=ref.text, be=ref.be, level=level_word(o.intensity))
    ranked = sorted(observations, key=lambda o: -o.intensity)
    first, second = ranked[:2]
    if first.intensity - ranked[-1].intensity < CLEARLY_STRONGER:
        return sentence(rng, ("[all movements|the movements] are [about equally strong|of similar strength]",
                              "no movement is [much|clearly] stronger than the others"))
    if first.intensity - second.intensity < CLEARLY_STRONGER:
        return sentence(rng, ("{refs} are [the strongest movements|the clearest movements|the strongest]",
                              "[strongest|most intense|clearest] are {refs}",
                              "[the lead is shared by|it is led by] {refs}"),
                        refs=refer([first, second], rng).text)
    ref, next_ref = refer([first], rng), refer([second], rng)
    return sentence(rng, ("{ref} {be} the [strongest movement|clearest movement|strongest part][, ahead of {next}|]",
                          "[strongest|most intense|clearest] {be} {ref}[, then {next}|, followed by {next}|]",
                          "[at|with] {level} strength, {ref} {be} [the strongest|ahead of the rest]",
                          "{next} {next_be} weaker than {ref}", "{ref} lead{s} [in strength|the movement]"),
                    ref=ref.text, be=ref.be, s=ref.s, next=next_ref.text, next_be=next_ref.be,
                    level=level_word(first.intensity))


def _places(observations: list[Observation], rng: random.Random) -> str:
    if len(observations) < 2:
        return ""
    upper = sum(o.intensity for o in observations if o.au in UPPER_FACE)
    lower = sum(o.intensity for o in observations if o.au not in UPPER_FACE)
    if not lower:
        return sentence(rng, ("[everything|all of it] [lies|is] in the upper face[, with no movement of the mouth|]",
                              "the area of brows and eyes carries it all[, with no movement of the mouth|]"))
    if not upper:
        return sentence(rng, ("[everything|all of it] [lies|is] in the lower face[, with no movement of the brows|]",
                              "the area of nose, mouth and chin carries it all[, with no movement of the eyes|]"))
    if max(upper, lower) > 2 * min(upper, lower):
        where = "upper" if upper > lower else "lower"
        return sentence(rng, ("[most of the movement|the larger share|the weight] [is|lies] in the {where} face",
                              "the {where} face [does most of it|moves more than the rest|carries most of it]"),
                        where=where)
    return sentence(rng, ("upper and lower face [both take part|move together|share the movement]",
                          "the movement [runs over|takes in|reaches] [upper and lower face|the whole face]",
                          "the upper face and the lower face [both take part|contribute alike]"))


def _sides(observations: list[Observation], rng: random.Random) -> str:
    uneven = [o for o in observations if o.side != "both"]
    if not uneven:
        if rng.random() < 0.6:
            return ""
        return sentence(rng, ("[left and right|both sides] [move alike|are even|take part alike]",
                              "the movement is [even|the same] on [both sides|left and right]"))
    o = max(uneven, key=lambda o: o.intensity)
    return sentence(rng, ("{code} is [stronger|much stronger|clearer] on the {side} side",
                          "the face is uneven[:|, as] {code} [lies|shows|is] mainly on the {side}",
                          "[mainly the|above all the] {side} side [shows|carries] {code}",
                          "{code} is one-sided, [mainly|mostly] on the {side}"), code=o.au, side=o.side)


def _timing(observations: list[Observation], rng: random.Random) -> str:
    timed = sorted((o for o in observations if o.interval), key=lambda o: o.interval[0])
    if not timed:
        return ""
    brief = [o for o in timed if o.interval[1] - o.interval[0] <= BRIEF]
    if brief and rng.random() < 0.5:
        ref = refer([rng.choice(brief)], rng)
        return sentence(rng, ("{ref} {be} [brief|over quickly|short]", "{ref} last{s} only a moment"),
                        ref=ref.text, be=ref.be, s=ref.s)
    if len(timed) < 2:
        return ""
    first, last = timed[0], timed[-1]
    if last.interval[0] - first.interval[0] < SIMULTANEOUS:
        return sentence(rng, ("[all|the] movements [start together|begin at the same moment|set in together]",
                              "[everything|it all] [starts|begins] at about the same time"))
    a, b = refer([first], rng), refer([last], rng)
    patterns = ("{b} [follow|come]{bs} [after|later than] {a}", "{b} [start|begin|appear]{bs} [after|later than] {a}")
    if timed[1].interval[0] > first.interval[0]:  # else two movements share the first place
        patterns += ("{a} [come|start|appear]{s} first[, then {b}|, before {b}|, and {b} later]",
                     "[it starts with|it opens with] {a}[, then {b} follow{bs}|]")
    return sentence(rng, patterns, a=a.text, b=b.text, s=a.s, bs=b.s)


def _absences(observations: list[Observation], rng: random.Random) -> str:
    present = {o.au for o in observations}
    missing = [words for aus, words in ABSENCES if not aus & present]
    if len(missing) < 2:
        return ""
    a, b = rng.sample(missing, 2)
    return sentence(rng, ("no {a} [stands out|joins in|goes with it|is seen]",
                          "there is no clear {a}[ and no clear {b}| and no {b}|]",
                          "[this|all this|it] comes without {a}[ and without {b}|]",
                          "[no {a}|no clear {a}] and no {b} [stand out|join in|are seen]"), a=a, b=b)


def _other_readings(observations: list[Observation], rng: random.Random) -> str:
    """What the movement may come from apart from emotion; a reading that two movements share is preferred."""
    strongest = sorted(observations, key=lambda o: -o.intensity)[:4]
    shared = [r for o in strongest for r in OTHER_READINGS[o.au]
              if sum(r in OTHER_READINGS[p.au] for p in strongest) > 1]
    if shared and rng.random() < 0.6:
        return sentence(rng, ("{r} [could|can|may] [move the face in the same way|look much the same|look like this]",
                              "[several of these|more than one of these] [can|could|may] also come from {r}",
                              "[a simple cause|another cause|one more cause] [could|may|might] be {r}"),
                        r=rng.choice(shared))
    o = rng.choice(strongest[:3])
    ref = refer([o], rng)
    r, r2 = rng.sample(OTHER_READINGS[o.au], 2)
    return sentence(rng, ("{ref} [can|could|may|might] also [come from|go with|belong to] {r}[ or {r2}|]",
                          "{r}[ or {r2}|] [can|could|may] [also|just as well] [cause|bring about|explain] {ref}",
                          "[apart from emotion|on its own|by itself], {code} [can|may] [come from|go with] {r}",
                          "[still|yet|even so], {ref} [can|could|may] [come from|go with] {r}[ or {r2}|]",
                          "[another reading|a second reading|a plain reading] of {ref} is {r}[ or {r2}|]"),
                    ref=ref.text, code=o.au, r=r, r2=r2)


_REST = (
    ("[no measured movement stands out|no movement is strong enough to count|no clear movement is measured]"
     "[| in this face| here]",
     "[nothing in the face|no part of the face] moves [clearly|enough to be counted|strongly]",
     "the measurement [shows|gives|finds] no clear movement[| in this face| here]"),
    ("[brows, eyes and mouth|upper and lower face|eyes and mouth|forehead, eyes and mouth] [stay|are|remain] "
     "[at rest|close to rest|in their resting place|relaxed]",
     "the [face|whole face|upper and the lower face] [stays|keeps] [at rest|close to rest|still]",
     "[there is no clear|there is no strong] {a} and no {b}", "[no {a}|no clear {a}] [stands out|is seen], and no {b}"),
    ("a [weak|small|very slight|short] movement [could|may|might] [be missed|be too small to count|go unseen]",
     "the [shape|form] of a face at rest [can|may|could] [look like|be taken for|pass for] a movement",
     "[light|the angle|head position|the picture] [can|may|could] [hide|cover] a [small|weak|slight] movement",
     "[rest|waiting|listening|attention|thought] [can|may|could] look [like this|the same|much the same]"),
    ("a [still|resting|quiet] face is [often|sometimes|easily] read in [more than one way|different ways]",
     "[people|viewers|observers] [often|may|can] [differ|disagree] about [such|so quiet|so still] a face",
     "[so|therefore|because of this], the [overall look|whole picture] [counts|matters] more than any one movement",
     "little can be [said|concluded] from [movement alone|the movements alone]"),
)


def _at_rest(rng: random.Random) -> str:
    a, b = rng.sample([words for _, words in ABSENCES], 2)
    return " ".join(sentence(rng, patterns, a=a, b=b) for patterns in _REST)


# ---- conclusion -----------------------------------------------------------------------------------------------------

def _labels_listing(au: str) -> int:
    """How many labels list an action unit: parted lips belong to nearly all and so support none in particular."""
    return sum(relation(label, au) == "for" for label in LABELS)


def _support(label: str, support: list[Observation], observations: list[Observation], rng: random.Random) -> str:
    if support:
        ref = refer(support[:rng.choice((2, 2, 3))], rng)
        return say(rng, rng.choice((
            "[commonly|often|usually] read [so|this way|like this] because of {ref}",
            "[the main support|the support|the evidence] [comes from|lies in|is] {ref}",
            "{ref} {be} [commonly|often|usually] read [this way|like this|so]",
            "{ref} point{s} [this way|in this direction|to it]", "this reading [rests on|is based on|builds on] {ref}",
            "[people|viewers|observers] [commonly|often|usually] read {ref} [this way|like this]",
            "[published listings|the listed patterns] for it [include|contain|name] {ref}")),
            ref=ref.text, be=ref.be, s=ref.s)
    if not observations and label == "neutral":
        return say(rng, rng.choice((
            "[commonly|often|usually] read [so|this way|like this] because no [clear |measured |]movement stands out",
            "a face without [clear|measured|strong] movement is [commonly|often|usually] read [so|this way|like this]",
            "[the lack of clear movement|the face at rest|the still face] is the [main |]support[ for this|]",
            "this reading [rests on|is based on|builds on] [a face at rest|the lack of clear movement]")))
    return say(rng, rng.choice((
        "the overall look [rather than|more than] [a single|any single|one] measured movement supports [it|this]",
        "[no single|no one] measured movement [supports|carries] it, [but|only] the overall look[ of the face|] does",
        "this reading [rests on|is based on|comes from] the overall look[ of the face|], [not on|and not on] a single "
        "measured movement",
        "the [whole|overall] look of the face [supports it|carries it|speaks for it], with no [single |]measured "
        "movement [behind it|as support]")))


def _objection(against: list[Observation], rng: random.Random) -> str:
    ref = refer(against[:rng.choice((1, 1, 2))], rng)
    do = "does" if ref.s else "do"
    return say(rng, rng.choice((
        ", [although|though|while] {ref} speak{s} against it", "; {ref} speak{s} against it",
        ", [although|though|while] {ref} {be} [hard to fit in|less expected|not typical of it]",
        "; [against it|on the other side] stand{s} {ref}",
        ", [although|though] {ref} {do} not [fit|go with] it")), ref=ref.text, be=ref.be, s=ref.s, do=do)
