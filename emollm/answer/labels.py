"""Judges of what a clause says about labels: support, alternative and the label itself."""

from __future__ import annotations

import re

from emollm.answer.facts import RIGHT, TIE, Facts, worst_verdict
from emollm.answer.lexicon import CAUSE, LABEL
from emollm.answer.mention import Mention
from emollm.answer.statement import Passage, Statement
from emollm.explanation import CLOSE_MARGIN
from emollm.facs.readings import relation as relation_of
from emollm.schema import AU_NAMES

OWN, WRONG, UNLISTED, ABSENT, OVERLOOKED = (
    "label is its own alternative",
    "wrong alternative",
    "unlisted support",
    "support by an absent movement",
    "support overlooked",
)

_ALTERNATIVE = re.compile(
    r"\b(?:nearest|closest|next|next best|likeliest|other|main|best|second) (?:alternative|other (?:reading|label|candidate)|"
    r"reading|candidate|guess|label|choice)\b|\balternatives?\b|\brunner-?up\b|"
    r"\b(?:second|next) (?:comes?|is|in line|place)\b|\bcomes? (?:second|next)\b|\b(?:is|in|as the|takes|comes) (?:a |an "
    r")?(?:close |distant |far |poor )?second\b|\b(?:could|may|might|can) (?:also |just as well |as well |equally |well "
    r")+(?:be|pass)\b|\b(?:could|may|might|can) be (?:read|seen|taken|called|interpreted)? ?(?:as well|instead|too|also)?\b|"
    r"\b(?:some|others|other people|other viewers|another viewer|some people|some viewers|many) (?:would|may|might|could|"
    r"will)\b|\binstead\b|\botherwise\b|\bfailing that\b|\bif not this\b|\bor else\b|\bfollows?\b|\b(?:nearly|almost|about|"
    r"just) as (?:likely|probable)\b|"
    r"\b(?:close|not far|far|well|just|right) behind\b|\bcannot be ruled out\b|\bis possible (?:too|as well)\b|\balso "
    r"possible\b|\bsecond most (?:likely|probable)\b|\bmight as well be\b|\bpossibly\b"
)
_NOT = re.compile(
    r"\b(?:rather than|rather \w+ than|instead of|and not|not|less|neither|nor|more than|over|less likely is|"
    r"never|hardly|anything but|less likely)\s+(?:as |like |read as |a case of |one of |to |of |for |any )*$"
)
_LESS = re.compile(
    r"(?:is|was) not (?:the|a|its) (?:reading|label|conclusion|answer)\b|\b(?:is|are|seems?|looks?) (?:much |"
    r"far |clearly )?(?:less likely|unlikely|less probable|ruled out|out of the question|not likely)\b"
)
_UNLIKE = re.compile(
    r"\b(?:unlike|in contrast to|as opposed to|different from|compared (?:with|to)|in|the word|labelled?|"
    r"for example)\s+$"
)
_BETWEEN = re.compile(r"\b(?:between|torn between|lies? between|either)\b")

_FOR = (
    r"speaks? (?:clearly |strongly |also |both )*for|points? (?:clearly |strongly |also )?(?:to|toward|towards|this way|"
    r"in this direction|in that direction)|supports?|supporting|in favou?r of|favou?rs?|fits?|fit well with|go(?:es)? "
    r"with|go(?:es)? well with|"
    r"(?:is|are) (?:very )?typical (?:of|for)|typical of|listed (?:for|under|as)|lists?|belongs? to|associated with|"
    r"(?:is |are |be )?(?:commonly |often |usually |widely |sometimes |frequently |generally |most often )*(?:read|seen|"
    r"taken|understood|interpreted|regarded|known) (?:as|so|this way|like this|like that|that way)|read as|"
    r"suggests?|indicates?|signals?|(?:a |the )?(?:signs?|marks?|evidence|hallmarks?|features?|indicators?|part|cues?) "
    r"(?:of|for)|because of|due to|based on|rests? on|builds? on|owed to|thanks to|argues? for|counts? (?:toward|towards|"
    r"for|in favou?r of)|consistent with|in line with|"
    r"hints? at|common in|characteristic of|makes? (?:it|this)|(?:include|contain|name|mention)s?|comes? from|lies? in|"
    r"the (?:main )?(?:support|evidence) is|matches|match|suits?|as in|like (?:this|so)|leads? to|calls? for|tells? of|"
    r"(?:supported|backed|carried|evidenced|shown|marked) by|suggesting|indicating|signall?ing|pointing (?:to|toward|"
    r"towards)|hinting at|showing|speaking for|arguing for"
)
_AGAINST = (
    r"speaks? against|argues? against|counts? against|at odds with|hard to (?:fit|square|reconcile)(?: in)?(?: "
    r"with)?|less expected|unexpected|not (?:very )?typical(?: of| for)?|untypical|atypical|(?:do|does) not (?:\w+ "
    r")?(?:fit|go with|support|speak for|point to|suit|belong to|match|suggest|indicate|argue for|favou?r)|"
    r"(?:do|does)n't (?:fit|go with|support|match|suit)|fails? to (?:support|fit|match)|contradicts?|unusual (?:for|"
    r"in)|inconsistent with|against (?:it|this)|conflicts? with|weakens?|(?:is|are) not (?:listed|read|part|a sign|"
    r"evidence|consistent)(?: for| as| of| with)?|(?:in|on) no (?:list|table|listing)|speaks? neither|rules? out|"
    r"tells? against|clash(?:es)? with|not supported by|(?:stands?|runs?) against|(?:no|not a) (?:sign|evidence|mark|"
    r"hint)s? (?:of|for)|speaking against|arguing against"
)
_SUPPORT = re.compile(rf"(?P<against>\b(?:{_AGAINST})\b)|(?P<fits>\b(?:{_FOR})(?:\b|(?<=\W)))")
_STRONG_AGAINST = re.compile(r"against|contradict|at odds|conflict|clash|rules? out|weakens?|inconsistent")
_OWN = re.compile(
    r"\b(?:it|this way|like this|like that|that way|(?:read|seen|taken|known) so|so because|this(?! face| "
    r"picture| clip| image| person| movement| combination| pattern)|(?:for|to|with|against|supports?|fits?) "
    r"that|this reading|this label|this direction|that direction|the reading|the label|the conclusion|this "
    r"conclusion)\b"
)
_OWN_UNSAID = re.compile(  # of the label, though no word stands for it
    r"because of|rests? on|based on|builds? on|the (?:main "
    r")?(?:support|evidence)|patterns|listings|not (?:very )?typical\W*$"
)
_LOOK = re.compile(
    r"\b(?:overall|whole|general|total) (?:look|impression|picture|appearance)\b|\blook of (?:the )?(?:whole "
    r")?face\b"
)
_RESTS = re.compile(r"\b(?:reading|label|conclusion) (?:rests on|is based on|comes from|builds on)\b")
_NO_UNIT = re.compile(
    r"\b(?:no|not (?:on )?(?:a|any|one)|none of the|rather than (?:a|any|one|by)|more than (?:a|any|one)|"
    r"without (?:a|any)|neither)\b[^,;]{0,30}\b(?:movements?|units?)\b|\bno (?:listed )?(?:movement|"
    r"unit)\b|\bonly the overall look\b"
)


def labels_in(p: Passage) -> list[tuple[str, re.Match]]:
    return [(m.lastgroup, m) for m in LABEL.finditer(p.text)] if p.clause.stated else []


# ---- support ----------------------------------------------------------------------------------------------------------


def support(p: Passage, facts: Facts, recent_label: str | None = None) -> list[Statement]:
    """Which label a movement speaks for or against, as any published listing has it."""
    if looked := _judge_overall_look(p, facts):
        return looked
    match = _SUPPORT.search(p.text)
    labels = _supported_labels(p, recent_label or facts.label or "") if match and p.clause.stated else []
    if not labels or (not labels_in(p) and CAUSE.search(p.clause.raw)):
        return []
    group = _supporters(p, match)
    against = bool(match["against"])
    if split := _movements_by_label(p, labels):
        return [_judge_support(p, m.units, m.denied, label, against, match, facts) for label, group in split for m in group]
    if against and re.search(r"\bnot $", p.text[: match.start()]):
        return [
            _judge_no_opposition(p, units, label, facts)
            for label in dict.fromkeys(labels)
            for units, denied in group
            if units and not denied
        ]
    return [
        _judge_support(p, units, denied, label, against, match, facts)
        for label in dict.fromkeys(labels)
        for units, denied in group
        if not (units and not set(units) & set(AU_NAMES))
    ]


def _supported_labels(p: Passage, own: str) -> list[str]:
    """The labels that something is said to speak for or against. own: what "it" or "this reading" stands for, if anything."""
    labels = [
        name
        for name, at in labels_in(p)
        if not _NOT.search(p.text[: at.start()]) and not _UNLIKE.search(p.text[: at.start()])
    ]
    if labels:
        return labels
    return [own] if own and (_OWN.search(p.text) or _OWN_UNSAID.search(p.text)) else []


def _movements_by_label(p: Passage, labels: list[str]) -> list[tuple[str, list[Mention]]]:
    """ "AU20 speaks for fear, AU02 for surprise": each label with the movements since the one before; [] when not so."""
    places = [(name, at) for name, at in labels_in(p) if name in labels]
    if len(places) < 2:
        return []
    edges = [0, *(at.end() for _, at in places)]
    split = [
        (name, [m for m in p.mentions if edge <= m.start < at.start()])
        for (name, at), edge in zip(places, edges, strict=False)
    ]
    return split if all(group for _, group in split) else []


def _supporters(p: Passage, match: re.Match) -> list[tuple[tuple[str, ...], bool]]:
    """The movements that support: those of the clause, else what "this", "they" or "which" stands for, as one."""
    own = [m for m in p.mentions if not m.unseen and not (m.denied and _NONE.search(p.text[: m.start]))]
    if p.mentions and not own:
        return []
    if own:
        seen: dict[tuple, tuple] = {}
        for m in own:
            seen.setdefault((m.units, m.denied), (m.units, m.denied))
        return list(seen.values())
    if _ALTERNATIVE.search(p.text):
        return []
    if (
        re.search(
            r"\b(?:which|together|this (?:combination|pattern|pair|movement|set)|these|they|both|the (?:combination|"
            r"pattern|pair|two)|the (?:first|second|former|latter)|that (?:pattern|combination)|such)\b",
            p.text,
        )
        or (
            re.match(
                r"\W*(?:and |but |so )?(?:(?:this|that)\b(?! (?:reading|face|is the|label))|it (?:also |clearly "
                r")?(?:speaks|points|supports|suggests|indicates|signals|fits|argues|counts|hints))",
                p.text,
            )
        )
        or re.match(r"\W*(?:and |but )?(?:speak|point|support|argue|is |are |fit)", p.text)
    ):
        units = [(m.units, m.denied) for m in p.before if not m.unseen]
        return units if len(units) < 2 else list(dict.fromkeys(units))
    return []


_NONE = re.compile(r"\b(?:no|neither|nor)(?: [\w-]+){0,2} $")  # "no frown speaks for anger": none is there to speak


def _judge_no_opposition(p: Passage, units: tuple[str, ...], label: str, facts: Facts) -> Statement:
    """ "AU25 does not speak against it"."""
    fine = _relation(label, units, facts) != "against"
    verdict = facts.presence(units) if fine else ("contradicted", f"{' or '.join(units)} would speak against {label}")
    return p.make("support", verdict, units=units, label=label)


def _relation(label: str, units: tuple[str, ...], facts: Facts) -> str:
    """for | against | neutral: the most favourable of a set, among those that are there if any is."""
    known = [au for au in units if au in AU_NAMES]
    units = [au for au in known if facts.state(au) == "on"] or known
    relations = {relation_of(label, au) for au in units}
    return "for" if "for" in relations else "neutral" if "neutral" in relations else "against"


def _judge_support(
    p: Passage, units: tuple[str, ...], denied: bool, label: str, against: bool, match: re.Match, facts: Facts
) -> Statement:
    details = {"units": units, "label": label, "polarity": "absent" if against else "present"}
    presence = facts.presence(units, denied)
    relation = _relation(label, units, facts)
    if denied:  # what a missing movement says is the reverse of what it would say
        relation = {"for": "against", "against": "for"}.get(relation, relation)
    if presence[0] == "contradicted":
        return p.make("support", presence, **details, fault="" if denied else ABSENT)
    if against:
        fine = relation == "against" or (relation == "neutral" and not _STRONG_AGAINST.search(match["against"]))
        verdict = (
            RIGHT
            if fine
            else ("unsure", f"no table says so for {label}")
            if relation == "neutral"
            else ("contradicted", f"{' or '.join(units)} {'would speak against' if denied else 'is listed for'} {label}")
        )
        return p.make("support", worst_verdict([verdict, presence]), **details)
    if relation != "for":
        return p.make(
            "support", ("contradicted", f"no table lists {' or '.join(units)} for {label}"), **details, fault=UNLISTED
        )
    return p.make("support", presence, **details)


def _judge_overall_look(p: Passage, facts: Facts) -> list[Statement]:
    """ "The overall look supports it, with no measured movement behind it": wrong when a listed movement is there."""
    if not (_LOOK.search(p.text) and (_NO_UNIT.search(p.text) or _RESTS.search(p.text))) and not re.search(
        r"\bno (?:single |one |clear |listed )*(?:measured )?movement (?:\w+ )?(?:supports|as support|behind it|speaks "
        r"for|carries it|backs)|\band not on (?:a|any) (?:single |one )?measured movement",
        p.text,
    ):
        return []
    label = next((name for name, _ in labels_in(p)), facts.label)
    if not label:
        return []
    listed = [au for au in facts.present_units() if relation_of(label, au) == "for"]
    if not listed:
        return [p.make("support", RIGHT, label=label, polarity="absent")]
    return [
        p.make(
            "support",
            ("contradicted", f"{', '.join(listed)} is there and listed for {label}"),
            label=label,
            polarity="absent",
            fault=OVERLOOKED,
        )
    ]


# ---- the label, the alternative -----------------------------------------------------------------------------------------

_READ = re.compile(
    r"\b(?:read|seen|labell?ed|label|conclusion|concluded?|classed|classified|looks?|appears?|face|expression|"
    r"reading|verdict|answer|result|taken|likely|impression|mood|confidence|probability|%)\b"
)


def label_and_alternatives(p: Passage, facts: Facts, supported: bool) -> list[Statement]:
    """Labels that a clause names as the reading, or as another one. Nothing without a distribution."""
    named = labels_in(p)
    if (
        not named
        or not facts.distribution
        or not facts.label
        or re.search(r"\btimes (?:as|more) (?:likely|probable)", p.text)
    ):
        return []
    if _BETWEEN.search(p.text) and len(named) == 2 and not supported:
        return [_judge_first_two(p, named, facts)]
    other, statements = bool(_ALTERNATIVE.search(p.text)), []
    for label, at in named:
        before = p.text[: at.start()]
        if _UNLIKE.search(before):
            continue
        if supported and _NOT.search(before) and p.mentions:
            continue
        if _NOT.search(before) or _LESS.match(p.text[at.end() :].lstrip()):
            statements.append(_judge_denied_label(p, label, at, facts))
        elif other and not (supported and not _ALTERNATIVE_STRONG.search(p.text)):
            if named[0][0] == facts.label and label == facts.label and {name for name, _ in named} != {label}:
                statements.append(p.make("label", RIGHT, at.span(), label=label))
            else:
                statements.append(_judge_alternative(p, label, at, facts, third=bool(re.search(r"\bthird\b", p.text))))
        elif (
            label != facts.label and re.search(r"\d", before + p.text[at.end() :]) and not _READ.search(_BARE.sub("", before))
        ):
            continue  # "fear: 0.2"
        elif _concludes(p, at, supported):
            right = label == facts.label
            statements.append(
                p.make("label", RIGHT if right else ("contradicted", f"the label is {facts.label}"), at.span(), label=label)
            )
    return statements


def _concludes(p: Passage, at: re.Match, supported: bool) -> bool:
    """Whether a label is said to be the face's: not by a share alone, "fear has 0.2"."""
    before, after = p.text[: at.start()], p.text[at.end() :]
    if _PROBABILITY_OF.search(before) or _HAS.match(after):
        return False
    bare = not _BARE.sub("", before + after).strip()
    return bool(_IS.search(before) or _heads(p, at) or bare or (not supported and _READ.search(p.text)))


def _heads(p: Passage, at: re.Match) -> bool:
    """ "Sadness is certain", "sadness with 41 %": the label is what the clause is about."""
    before = p.text[: at.start()]
    if re.search(r"(?:\bin (?:two|three|four|five|ten)|%|percent|per cent) (?:for|on) $|\brather $", before):
        return True
    return not re.sub(r"(?:with|at) [\d.]+ ?(?:%|percent|per cent)?,", "", before).strip() and bool(
        re.match(
            r" (?:is|was|remains|seems) (?:the|un|certain|clear|likely|prob|quite|very|rather|most|beyond)| (?:with|at|by|"
            r"for) |"
            r", ?\d| wins| leads| fits best",
            p.text[at.end() :],
        )
    )


# What may stand beside a label that is a statement by itself: "probably sadness", "neutral: 72 %"
_BARE = re.compile(
    r"\b(?:probably|certainly|clearly|definitely|surely|obviously|most likely|perhaps|by a \w+ margin|with|at|"
    r"percent|per cent|confidence|so|overall|a|case of)\b|[\d.,:;%!()-]"
)
# Said of the face itself: "this is anger", "she looks angry"
_IS = re.compile(
    r"\b(?:this|it|that|he|she|person|face|expression|subject|man|woman|label|conclusion|reading|look|emotion|"
    r"feeling|mood|who|which) (?:shown |expressed |seen |displayed )?(?:clearly |probably |certainly )?(?:is|"
    r"looks?|seems?|appears?|means?|=) (?:(?:clearly|obviously|definitely|surely|plainly|undoubtedly|"
    r"unmistakably|probably|certainly|likely|most likely|one of|a case of|very|quite|to be) )*$|\blooks? $"
)
_PROBABILITY_OF = re.compile(r"\b(?:probability|chance|odds|share|score|confidence|weight|likelihood|case) (?:of|for|in) $")
_HAS = re.compile(r" (?:has|gets|is given|receives|carries|scores) | \(\d?\.\d+\) (?:is|stands|comes) (?:ahead|behind|above)")
_ALTERNATIVE_STRONG = re.compile(
    r"\b(?:alternative|runner-?up|(?:could|may|might) (?:also |just as well |as well |equally )|"
    r"second|instead|otherwise|nearest|closest)\b"
)


def _judge_first_two(p: Passage, named: list, facts: Facts) -> Statement:
    pair = {label for label, _ in named}
    right = pair == {facts.label, facts.other_labels()[0]}
    verdict = RIGHT if right else ("contradicted", f"the first two are {facts.label} and {facts.other_labels()[0]}")
    other = next((label for label, _ in named if label != facts.label), facts.label)
    return p.make("alternative", verdict, label=other, fault="" if right else WRONG)


def _judge_denied_label(p: Passage, label: str, at: re.Match, facts: Facts) -> Statement:
    """ "Rather than anger"; of the label itself, "this is not anger" is a plain contradiction."""
    if label == facts.label and not re.search(r"(?:rather|less|more) than\b|instead of|\bover\b", p.text[: at.start()][-20:]):
        return p.make("label", ("contradicted", f"the label is {label}"), at.span(), label=label)
    right = label != facts.label and facts.probability(label) < facts.probability(facts.label)
    verdict = RIGHT if right else ("contradicted", f"{label} has {facts.probability(label):.2f}")
    return p.make("alternative", verdict, at.span(), label=label, polarity="absent", fault=OWN if label == facts.label else "")


def _judge_alternative(p: Passage, label: str, at: re.Match, facts: Facts, third: bool) -> Statement:
    if label == facts.label:
        return p.make("alternative", ("contradicted", "it is the label itself"), label=label, fault=OWN)
    others = facts.other_labels()
    place = 1 if third else 0
    allowed = others[place : place + 1]
    several = sum(name != facts.label for name, _ in labels_in(p)) > 1 or facts.margin() < CLOSE_MARGIN
    if several and not third:
        allowed = others[:2]
    near = facts.probability(label) >= facts.probability(allowed[-1]) - TIE
    verdict = RIGHT if label in allowed or near else ("contradicted", f"the next label is {others[0]}")
    return p.make("alternative", verdict, label=label, fault="" if verdict == RIGHT else WRONG)
