"""The words by which a text speaks of the face: parts, movements, and which action units the two make together.

Written for the verifier of prose alone: whoever writes explanations has words of its own, so that a writer's mistake is
not the reader's too. A phrase that several movements would bear out stands for a set of units ("raised brows": AU01 or
AU02); one of them is enough. `OPEN_TO_BOTH` holds words that mean different movements to different people.
"""

from __future__ import annotations

import re

from emollm.facs import readings
from emollm.facs.readings import LEVELS
from emollm.facs.tables import COMBINATIONS, OTHER_READINGS
from emollm.facs.units import ACTION_UNITS, LOWER, UPPER
from emollm.schema import LABELS

# ---- parts of the face ----------------------------------------------------------------------------------------------

PARTS = {
    "inner brow": r"inner (?:ends? of |corners? of |parts? of |portions? of )?(?:the |both |his |her )?(?:eye)?brows?"
    r"(?: corners?| ends?)?|inner (?:ends?|corners?) of (?:the |both )?(?:left |right )?(?:eye)?brows?|"
    r"inner(?= (?:and|or) outer (?:eye)?brows?)",
    "outer brow": r"outer (?:ends? of |corners? of |parts? of |portions? of )?(?:the |both |his |her )?(?:eye)?brows?"
    r"(?: corners?| ends?)?",
    "brow": r"(?:eye)?brows?",
    "forehead": r"forehead",
    "upper lid": r"upper (?:eye)?lids?",
    "lower lid": r"lower (?:eye)?lids?",
    "lid": r"(?:eye)?lids?",
    "corner": r"(?:mouth|lip)(?: |-)corners?|corners? of (?:the |his |her |their |that )?(?:mouth|lips?)|"
    r"(?:ends|sides) of the mouth|(?<!inner )(?<!outer )(?<!eye )corners?(?! of)",
    "upper lip": r"upper lip",
    "lower lip": r"lower lip",
    "lip": r"lips?",
    "mouth": r"mouth",
    "fold": r"nasolabial (?:folds?|furrows?)|cheek folds?|(?:folds?|creases?) (?:beside|next to|from) the nose(?: to the "
    r"mouth)?|"
    r"(?<!lid )(?<!eye )folds?",
    "cheek": r"cheeks?",
    "nose": r"nose|nostrils?",
    "chin": r"chin(?: boss)?",
    "jaw": r"(?:lower )?jaws?",
    "eye": r"eyes?",
    "upper face": r"upper (?:half of the )?face",
    "lower face": r"lower (?:half of the )?face",
}

# ---- movements ------------------------------------------------------------------------------------------------------

MOVES = {
    "press": r"press\w*|squeez\w*|compress\w*|clamp\w*|pushed together",
    "open": r"open\w*|part(?:ed|ing|s)|part(?! (?:of|in)\b)|apart|agape|ajar|gap\w*",
    "wide": r"wid(?:e|er|en|ens|ened|ening)",
    "narrow": r"narrow\w*|squint\w*|slit\w*|screwed",
    "tight": r"tight\w*|tens(?:e|ed|ing|ion)|thin(?:ned|ning)?|taut|harden\w*|hard",
    "wrinkle": r"wrinkl\w*|scrunch\w*|crinkl\w*|crumpl\w*",
    "knit": r"knit\w*|furrow\w*|together|inward\w*|pinch\w*|bunch\w*|contract\w*|gather\w*|frown(?:ing|ed)",
    "stretch": r"stretch\w*|sideways|flat(?:ten\w*)?",
    "pucker": r"pucker\w*|round(?:ed|ing)",
    "purse": r"purs(?:e|es|ed|ing)",
    "funnel": r"funnel\w*|outward\w*|turned out|turn out|everted",
    "suck": r"suck\w*|rolled in|bitten|biting",
    "tuck": r"tuck\w*|dimpl\w*|pressed in|drawn in|pulled in",
    "close": r"clos(?:e|ed|ing|ure)|shut|shutting",
    "closes": r"closes|shuts",
    "blink": r"blink\w*",
    "deep": r"deep\w*",
    "up": r"rais(?:e|es|ed|ing)|lift(?:s|ed|ing)?|elevat\w+|rises?|rising|rose|risen|upturned|upwards?|up|arch(?:ed|es|ing)?|"
    r"curl(?:s|ed|ing)?|hiked|hoisted",
    "down": r"lower(?:ed|ing|s)|lower(?! (?:lip|lid|eyelid|face|half|jaw))|downturned|downwards?|down|"
    r"droop\w*|sag\w*|depress(?:ed|ion|ing)|sink(?:s|ing)?|sunk(?:en)?",
    "drop": r"drop(?:s|ped|ping)?|fall(?:s|en|ing)?|hang(?:s|ing)?|slack",
    "move": r"takes? (?:no )?part|taking (?:no )?part|join(?:s|ed|ing)?(?: in)?|involv\w*|mov(?:e|es|ed|ing)|help(?:s|ing|ed)?|"
    r"engag(?:e|es|ed|ing|ement)|activ(?:e|ity|ation)|contribut\w+|play(?:s|ed)? (?:a|no|any|its|their) (?:part|role)|"
    r"movements?|motion|action|stir(?:s|red)?|participat\w+|reach(?:es|ed|ing)?",
    "rest": r"at rest|close to rest|relaxed|resting|motionless|inactive|unmoved|immobile|still|calm|smooth|quiet",
}

_MOUTH = "10 12 14 15 17 18 20 22 23 24 25 26 27 28"
# What a movement of a part is, as FACS numbers; "move" is any movement of it.
_MEANING = {
    "inner brow": {"up": "1", "down": "4", "knit": "4", "move": "1"},
    "outer brow": {"up": "2", "down": "4", "move": "2"},
    "brow": {"up": "1 2", "down": "4", "knit": "4", "wrinkle": "4", "move": "1 2 4"},
    "forehead": {"wrinkle": "1 2", "up": "1 2", "knit": "4", "move": "1 2 4"},
    "upper lid": {"up": "5", "wide": "5", "down": "43 45", "tight": "7", "move": "5 43 45"},
    "lower lid": {"up": "7", "tight": "7", "narrow": "7", "move": "7"},
    "lid": {
        "up": "5",
        "wide": "5",
        "tight": "7",
        "narrow": "7",
        "close": "43 45",
        "closes": "43 45",
        "down": "43 45",
        "press": "7",
        "move": "5 7 43 45",
    },
    "eye": {
        "wide": "5",
        "narrow": "6 7",
        "tight": "7",
        "close": "43 45",
        "closes": "43 45",
        "blink": "45",
        "wrinkle": "6",
        "move": "5 6 7 43 45",
    },
    "cheek": {"up": "6", "knit": "6", "move": "6"},
    "nose": {"wrinkle": "9", "up": "9", "knit": "9", "move": "9"},
    "upper lip": {"up": "10", "move": "10"},
    "lower lip": {"up": "17", "suck": "28", "move": "17 25 28"},
    "corner": {
        "up": "12",
        "down": "15",
        "tuck": "14",
        "press": "14",
        "tight": "14",
        "knit": "14",
        "stretch": "20",
        "move": "12 14 15 20",
    },
    "lip": {
        "press": "24",
        "tight": "23 24",
        "narrow": "23 24",
        "open": "25",
        "pucker": "18",
        "purse": "18 23 24",
        "funnel": "22",
        "suck": "28",
        "stretch": "20",
        "move": "10 18 20 22 23 24 25 28",
    },
    "mouth": {
        "open": "25 26 27",
        "wide": "27",
        "stretch": "20",
        "pucker": "18",
        "purse": "18 23 24",
        "tight": "23 24",
        "press": "24",
        "up": "12",
        "down": "15",
        "move": _MOUTH,
    },
    "fold": {"deep": "11", "up": "11", "move": "11"},
    "chin": {"up": "17", "wrinkle": "17", "knit": "17", "press": "17", "move": "17"},
    "jaw": {"down": "26 27", "open": "26 27", "move": "26 27"},
    "upper face": {"move": " ".join(map(str, UPPER))},
    "lower face": {"move": " ".join(map(str, LOWER))},
}


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


def names(numbers: str) -> tuple[str, ...]:
    """ "1 2" -> ("AU01", "AU02")."""
    return tuple(f"AU{int(k):02d}" for k in numbers.split())


for _part, _moves in _MEANING.items():  # what drops goes down, but a mouth that drops is a jaw that does
    if "down" in _moves:
        _moves["drop"] = "26 27" if _part == "mouth" else _moves["down"]
MEANING = {(part, move): names(units) for part, moves in _MEANING.items() for move, units in moves.items()}
# A closed mouth or a part at rest says that none of these is there.
DENIALS = {("mouth", "close"): names("25 26 27"), ("lip", "close"): names("25 26 27"), ("jaw", "close"): names("26 27")}
DENIALS |= {(part, "rest"): MEANING[part, "move"] for part in PARTS if (part, "move") in MEANING}

# ---- words and phrases that name a movement by themselves -------------------------------------------------------------

PHRASES = (
    (r"reach(?:es|ed|ing)? (?:up to |as far as )?(?:the |his |her |their )?eyes", "6 7"),
    (r"reach(?:es|ed|ing)? (?:up to |as far as )?(?:the |his |her |their )?cheeks", "6"),
    (r"push(?:ing)? (?:up )?of the chin|chin push(?:es)? up", "17"),
    (r"crow'?s[- ]feet", "6"),
    (r"(?:furrows?|creases?|lines?) (?:shows? |appears? |is seen |are seen |forms? )?between the (?:eye)?brows", "4"),
    (r"(?:white of the eyes?|whites of the eyes|sclera) (?:shows?|is seen|visible)", "5"),
    (r"mouth (?:stretched |pulled |is |not |stands |hangs )*wide open|wide[- ]open mouth", "27"),
    (r"(?:jaw|mouth) (?:is |are )?(?:stretched|pulled) (?:wide |far )?(?:open|down)", "27"),
    (r"bar(?:es|ed|ing) (?:of )?(?:the |his |her )?teeth|bared teeth|teeth (?:are )?bared", "10 25"),
    (r"eyes? (?:are |is )?(?:opened|held|pulled) (?:very |so )?wide|wide[- ]eyed|widening of the eyes", "5"),
    (r"smil(?:e|es|ed|ing)|grin(?:s|ning|ned)?", "12"),
    (r"smirk(?:s|ing|ed)?", "12 14"),
    (r"frown(?:s|ing|ed)?", "4 15"),
    (r"scowl(?:s|ing|ed)?", "4"),
    (r"pout(?:s|ing|ed)?", "17 18 22"),
    (r"squint(?:s|ing|ed)?", "6 7"),
    (r"blink(?:s|ing|ed)?", "45"),
    (r"sneer(?:s|ing|ed)?", "9 10"),
    (r"dimples?", "14"),
    (r"nose[- ]wrinkling|wrinkle-nosed", "9"),
    (r"jaw[- ]drop(?:ping)?", "26 27"),
    (r"parted lips", "25"),
    (r"tight[- ]lipped", "23 24"),
    (r"open[- ]mouthed", "25 26 27"),
)
OPEN_TO_BOTH = (
    frozenset(names("4 15")),
    frozenset(names("18 23 24")),
    frozenset(names("17 18 22")),
    frozenset(names("12 14")),
)

TITLES = {unit.title: name for name, unit in ACTION_UNITS.items()}
_OTHER_TITLES = {
    "lip tighteners": "AU23",
    "jaw dropping": "AU26",
    "lip parting": "AU25",
    "eye closure": "AU43",
    "lips parting": "AU25",
    "cheek raise": "AU06",
    "brow lowering": "AU04",
    "inner brow raise": "AU01",
    "outer brow raise": "AU02",
    "upper lid raise": "AU05",
    "nose wrinkle": "AU09",
    "upper lip raise": "AU10",
    "nose wrinkling": "AU09",
    "cheek raising": "AU06",
    "lid tightening": "AU07",
    "lip stretch": "AU20",
    "chin raise": "AU17",
    "lip tightening": "AU23",
    "lip press": "AU24",
    "lip pressing": "AU24",
    "inner brow raising": "AU01",
    "outer brow raising": "AU02",
    "lip corner pull": "AU12",
}
TITLES |= _OTHER_TITLES

# ---- denial and doubt -------------------------------------------------------------------------------------------------

DENY = (
    r"no|not|without|neither|nor|never|cannot|lacks?|lacking|lacked|absence|fails?|failed|failing|none|nothing|free of|"
    r"devoid of|missing|absent|n't|instead of|rather than|short of|hardly|barely|scarcely|nobody|denies|deny|wrong|false|"
    r"untrue|nowhere|miss|misses|missed"
)
MISSING_AFTER = (
    r"(?:(?:is|are|was|were|stays?|remains?|seems?|appears?) )(?:clearly |entirely |both |all |quite |simply |"
    r"also )*"
    r"(?:absent|missing|lacking|not (?:there|seen|present|visible|found|involved|shown|observed|measured as "
    r"present)|"
    r"nowhere to be seen)|(?:do|does|did) not (?:show|appear|join|take part|move|stand out|occur|participate|"
    r"help)|"
    r"(?:do|does|did)n't (?:show|appear|join|move)|fails? to (?:show|appear|join|take part|move)|cannot be "
    r"(?:seen|found)|"
    r"plays? no (?:part|role)|takes? no part|(?:is|are) (?:hardly|barely|scarcely) (?:there|visible|present|"
    r"seen|noticeable)"
)
UNSEEN_AFTER = (
    r"(?:(?:is|are|was|were) (?:hidden|covered|not measured|unmeasured|out of view|not visible enough)|could not be "
    r"(?:measured|seen|judged)|cannot be (?:measured|judged))"
)

# ---- how strong --------------------------------------------------------------------------------------------------------

# Word -> FACS intensities that it covers, lower and upper bound (FACS A-E as 1-5).
STRENGTHS = {"trace": (0.5, 1.5), "slight": (1.5, 2.5), "marked": (2.5, 3.5), "pronounced": (3.5, 4.5), "extreme": (4.5, 5.0)}
STRENGTHS |= dict.fromkeys(("faint", "weak", "subtle", "mild", "light", "small", "gentle", "minor", "hint"), (0.5, 2.5))
STRENGTHS |= dict.fromkeys(("moderate", "medium", "middling"), (1.5, 3.5))
STRENGTHS |= dict.fromkeys(
    ("strong", "intense", "forceful", "powerful", "heavy", "big", "broad", "vigorous", "large", "full"), (2.8, 5.0)
)
STRENGTHS |= dict.fromkeys(("very strong", "very intense", "severe"), (3.5, 5.0))
STRENGTHS |= dict.fromkeys(("maximal", "maximum", "extremely strong"), (4.5, 5.0))
LETTERS = dict(zip(readings.LETTERS, LEVELS, strict=True))

# ---- labels ------------------------------------------------------------------------------------------------------------

_LABEL_WORDS = {
    "neutral": r"neutral(?:ity)?|no (?:particular )?emotion",
    "happiness": r"happiness|happy|joy(?:ful)?",
    "sadness": r"sadness|sad|sorrow",
    "surprise": r"surprised?|astonishment",
    "fear": r"fear(?:ful)?|afraid|fright(?:ened)?",
    "disgust": r"disgust(?:ed)?",
    "anger": r"anger|angry",
    "contempt": r"contempt(?:uous)?|scorn",
}
LABEL = re.compile("|".join(rf"(?P<{label}>\b(?:{_LABEL_WORDS[label]})\b)" for label in LABELS))

# ---- what else a movement may come from ----------------------------------------------------------------------------------


def strip_article(words: str) -> str:
    """ "a shrug of the mouth" -> "shrug of the mouth"."""
    return re.sub(r"^(?:a|an|the) ", "", words)


_CAUSES = sorted(
    {strip_article(r) for known in OTHER_READINGS.values() for r in known}
    | {strip_article(r) for c in COMBINATIONS for r in c.commonly_read_as if r not in LABELS},
    key=len,
    reverse=True,
)
CAUSE = re.compile(r"(?<!\bat )\b(?:" + "|".join(map(re.escape, _CAUSES)) + r")\b")

# ---- turns of speech that speak of no face: blanked before anything is read ---------------------------------------------

IDIOMS = re.compile(
    "|".join(
        (
            *(
                rf"\b{re.escape(cause)}\b" for cause in _CAUSES if " " in cause
            ),  # "a relaxed jaw" as a cause is no statement about the jaw
            r"\braises? (?:the|a|another|one|some|more|many|several|new|serious|no) (?:further |open |new )?(?:questions?|"
            r"doubts?|"
            r"issues?|points?|hopes?|concerns?|eyebrows)|\braises? (?:some |a few |many )?eyebrows\b(?= (?:about|at|over|"
            r"among|in|"
            r"with))|\bclos(?:e|es|ed|ing) in on\b",
            r"\b(?:eye)?brow[- ]raising\b(?! of)",
            r"\bjaw[- ]dropping\b(?! of)",
            r"\b(?:a|an|the) (?:closed|open|shut) (?:case|"
            r"question|book|door|issue|matter|mind)\b",
            r"\bcase (?:is |was )?(?:closed|open)\b",
            r"\bcorners? of (?:the|a|this) (?:room|picture|image|frame|photo\w*|page|"
            r"screen|street|world)\b",
            r"\beye corners?\b|\bcorners? of the eyes?\b",
            r"\bopen(?:s|ed|ing)? (?:to|up|question|ended)\b|\bopen-\w+|\bleft open\b|"
            r"\bstays? open as a\b",
            r"\bin the eyes? of\b|\bin the face of\b|\beye contact\b|\bkeeps? an eye\b|\bto the (?:naked |untrained )?eye\b|"
            r"\bat "
            r"first (?:glance|sight)\b|\bfirst of all\b|\bin the first place\b",
            r"\bon the (?:one|other) (?:hand|side)\b(?! of)|\bon (?:one|the other) hand\b|\bnothing (?:[a-z]+ ){0,3}(?:but|"
            r"except)\b",
            r"\bsecond thoughts?\b",
            r"\blip service\b",
            r"\bright away\b|\ball right\b|\bright after\b|\bright "
            r"before\b|\bright now\b|\bthe right (?:label|answer|reading|"
            r"word|question|one)\b",
            r"\b(?:is|are|be|was) left (?:open|out|to|over|aside)\b|\bleft (?:open|out|over|aside)\b|\bnothing (?:is |was "
            r")?left\b",
            r"\bin part\b|\bfor the most part\b|\bon the part of\b",
            r"\bshow(?:s|ed)? up\b|\bend(?:s|ed)? up\b|\bmade? up\b|\bmakes? up\b|\badd(?:s|ed)? up\b|\bup to\b|\bsum(?:s|"
            r"med)? up\b|"
            r"\bback(?:s|ed)? up\b|\bbreak(?:s)? down\b|\bcome down to\b|\bcomes down to\b|\bup for\b|\bboils? down\b",
            r"\bwide (?:range|variety)\b|\bhard (?:to|case)\b|\bthin (?:evidence|margin|basis|lead)\b|\bflat (?:distribution|"
            r"light)\b|\bstill (?:image|picture|photo\w*|frame)\b|\bfull (?:picture|story|set|face|support)\b|\bbig (?:picture|"
            r"question)\b|\blarge (?:part|share|margin)\b|\bsmall (?:part|share|sample)\b|\bstrong (?:smell|case|evidence|"
            r"light|"
            r"words?)\b|\bweak (?:evidence|case|support|basis)\b|\bbright light\b|\blight(?:s|ing)?\b(?= (?:from|falls|on))",
            r"(?<=\brise )together\b|(?<=\brises )together\b",
            r"\btogether[ ,](?=they|these|the|those|this|speak|point)",
            r"\btaken together\b|\bseen together\b|\bread together\b|"
            r"\ball together\b|\bput together\b",
            r"\bsurprisingly\b|\bsadly\b|\bhappily\b|\bhappy to\b|\bi am afraid\b|\bi'm afraid\b|\bfor fear of\b|\bno "
            r"surprise\b|"
            r"\bnot surprising\b",
            r"\bno doubt\b|\bwithout (?:a |any )?doubt\b|\bwithout question\b|\bno question\b|\bno less\b|\bno matter\b|\bno "
            r"more "
            r"than\b|\bnot only\b|\bnot just\b|\bnot merely\b|\bnothing but\b|\bnot to mention\b|\bno fewer than\b",
            r"\blast but not least\b|\bat last\b|\bat least\b(?! (?:one|two|three|four|five|\d))",
            r"\bin a way\b",
            r"\bmoves? on\b|\bmoving on\b|\bmov(?:ing|ed) (?:picture|story|moment)\b|\bhelps? (?:to )?(?:decide|tell|read|see|"
            r"explain|us|the reading)\b|\bjoins? the discussion\b",
            r"\braised (?:voice|platform|stakes)\b|\blower(?:s|ed)? (?:the )?(?:confidence|odds|chance|score|probability|"
            r"weight|"
            r"bar)\b|\braises? (?:the )?(?:confidence|odds|chance|score|probability|weight|bar|stakes)\b|\b(?:falls?|falling) "
            r"(?:short|apart|into|under|on|within)\b|\bdrops? (?:out|off)\b",
            r"\bsaves? face\b|\bface to face\b|\bface value\b|\bfacing\b|\bpressing (?:matter|question|need|issue)\b|"
            r"\bstretch of "
            r"(?:time|imagination)\b|\bmouth-?watering\b|\bword of mouth\b|\bby a nose\b|\bturn(?:s|ed)? (?:out to|down the)\b|"
            r"\btongue in cheek\b|\bturn(?:s|ed)? the other cheek\b|\btight schedule\b|\btouching\b",
        )
    ),
    re.IGNORECASE,
)
