"""Look-ups in what is known of FACS and of this program; no face is needed. Sources: emollm/facs/tables.py and units.py."""

from __future__ import annotations

from emollm.facs.readings import LEVELS
from emollm.facs.readings import reading as readings_of
from emollm.facs.tables import VARIANTS, Variant
from emollm.facs.units import ACTION_UNITS
from emollm.schema import AUS, LABELS
from emollm.talk.terms.call import Call
from emollm.talk.terms.conditions import CONDITIONS
from emollm.talk.terms.finding import Finding
from emollm.talk.terms.words import PARTS, join_words, unit_names

MANUAL = "FACS Manual, Ekman, Friesen and Hager 2002"
# Units, action descriptors and codes of FACS that are not measured here (Ekman, Friesen & Hager, FACS Manual, 2002).
OUTSIDE = {
    3: "brow gatherer, used for infants (Baby FACS)",
    8: "lips toward each other",
    13: "sharp lip puller",
    16: "lower lip depressor",
    19: "tongue show",
    21: "neck tightener",
    29: "jaw thrust",
    30: "jaw sideways",
    31: "jaw clencher",
    32: "lip bite",
    33: "cheek blow",
    34: "cheek puff",
    35: "cheek suck",
    36: "tongue bulge",
    37: "lip wipe",
    38: "nostril dilator",
    39: "nostril compressor",
    40: "sniff",
    41: "lid droop",
    42: "slit",
    44: "squint",
    46: "wink",
    50: "speech",
    51: "head turn left",
    52: "head turn right",
    53: "head up",
    54: "head down",
    55: "head tilt left",
    56: "head tilt right",
    57: "head forward",
    58: "head back",
    61: "eyes turn left",
    62: "eyes turn right",
    63: "eyes up",
    64: "eyes down",
    65: "walleye",
    66: "cross-eye",
    80: "swallow",
    81: "chewing",
    82: "shoulder shrug",
    84: "head shake",
    85: "head nod",
}
DESCRIPTORS = (19, 29, 30, 32, 33, 34, 35, 36, 37)  # no muscle is given for these

# What pulls the same part of the face the other way: the project's own table, as FACS names no opposites.
OPPOSITE = {
    "AU01": ("AU04",), "AU02": ("AU04",), "AU04": ("AU01", "AU02"), "AU05": ("AU43",), "AU43": ("AU05",), "AU12": ("AU15",),
    "AU15": ("AU12",), "AU18": ("AU20",), "AU20": ("AU18",), "AU22": ("AU28",), "AU28": ("AU22",), "AU24": ("AU25",),
    "AU25": ("AU24",),
}  # fmt: skip


def au(call: Call) -> Finding:
    """What an action unit is: all of it, or one aspect."""
    names = [unit for movement in call.units for unit in movement]
    entries = [_unit_finding(name, call.word) for name in names[:4]]
    if call.word == "readings" and len(names) > 1:
        entries.append(_listed_together(names[:4]))
    return Finding(
        [fact for entry in entries for fact in entry.facts],
        [pattern for entry in entries for pattern in entry.says],
        fixed=True,
    )


def _listed_together(names: list[str]) -> Finding:
    """The labels with a listing that names all of these units."""
    labels = list(dict.fromkeys(v.label for v in VARIANTS if v.label in LABELS and set(names) <= set(v.aus)))
    told = f"{join_words(names)} are listed together for {join_words(labels) or 'no label'}"
    return Finding([told], [f"{told}."])


def _unit_finding(name: str, aspect: str) -> Finding:
    number = int(name[2:])
    if number not in AUS:
        if aspect == "source":
            where = f"{name} is defined in the {MANUAL}" if number in OUTSIDE else f"No source that I know of has {name}"
            return Finding([where], [f"{where}."])
        what = f"{name} is the {OUTSIDE[number]}, {_kind(number)} ({MANUAL})" if number in OUTSIDE else (
            f"FACS has no {name} that I know of")
        kept = "[it is not among the 24 units that are measured here|it is none of the 24 units measured here]"
        return Finding([what, "not measured here"], [f"{what}; {kept}."])
    unit, part = ACTION_UNITS[name], PARTS[name]
    read = [label for label in readings_of(name) if label in LABELS]
    if aspect == "muscle":
        return Finding(
            [f"{name} {unit.title}: muscle {unit.muscle}"],
            [f"{name}, the {unit.title}, [is made by|comes from] {unit.muscle} ({MANUAL})."],
        )
    if aspect == "alike":
        alike = [f"{ACTION_UNITS[k].title} ({k})" for k in unit.confusable]
        return Finding(
            [f"{name} {unit.title}: confused with {', '.join(alike)}", unit.note],
            [f"{name}, the {unit.title}, is [easily confused|easily mixed up] with {join_words(alike, 'or')}.", unit.note],
        )
    if aspect == "readings":
        where = f"listed for {join_words(read)}" if read else "listed for no label"
        return Finding(
            [f"{name} {unit.title}: {where}"], [f"{name}, the {unit.title}, is {where}[ in the tables that are used here|]."]
        )
    if aspect == "opposite":
        other = [f"the {ACTION_UNITS[k].title} ({k})" for k in OPPOSITE.get(name, ())]
        pulls = f"{join_words(other) or 'none'} {'pull' if len(other) > 1 else 'pulls'} the other way"
        return Finding(
            [f"{name} {unit.title}: {pulls}"],
            [f"FACS names no opposites. Of the units measured here, {pulls} than the {unit.title} ({name})."],
        )
    if aspect == "side":
        return Finding(
            [f"{name} {unit.title}: {unit.laterality}"], [f"{name}, the {unit.title}, is {unit.laterality}.", unit.note]
        )
    if aspect == "source":
        listed = dict.fromkeys(_source(v) for v in VARIANTS if name in v.aus and v.label in LABELS)
        by = join_words(list(listed))
        tables = f"It is listed for labels by {by}." if listed else "No table used here lists it for a label."
        return Finding([f"{name} {unit.title}: {MANUAL}; {', '.join(listed)}"],
                       [f"{name}, the {unit.title}, its muscle and its looks are as in the {MANUAL}.", tables])
    looks = join_words(list(unit.look[:2]), "or")
    return Finding(
        [f"{name} {unit.title}: {part.adjective} {part.many}; muscle {unit.muscle}; looks like {looks}"],
        [f"{name} is the {unit.title}: {looks}.", f"It is made by {unit.muscle} ({MANUAL})."],
    )


def _kind(number: int) -> str:
    """What FACS calls a code that is none of the units measured here."""
    if number in DESCRIPTORS:
        return "in FACS an action descriptor, for which it names no muscle"
    return ("in FACS an action unit" if number < 50 else "in FACS a code of the head's position" if number in range(51, 59) else
            "in FACS a code of where the eyes look" if number in range(61, 67) else "in FACS a code of behaviour")


def _source(variant: Variant) -> str:
    """Who lists it, without the table's number."""
    return variant.source.split(",")[0].removeprefix("as listed by ").removeprefix("criteria of ")


def label_listings(call: Call) -> Finding:
    """What the tables list for a label, with the sources."""
    if call.label == "neutral":
        return Finding(["neutral: no movement"], ["For neutral no movement is listed: a face at rest, FACS code 0."],
                       fixed=True)
    seen: dict[str, str] = {}
    for v in VARIANTS:
        if v.label == call.label:
            seen.setdefault(
                "+".join(str(int(k[2:])) for k in sorted(v.aus)),
                _source(v),
            )
    chosen = sorted(seen.items(), key=lambda kv: -kv[0].count("+"))[:3]
    lines = [f"{codes} ({source})" for codes, source in chosen]
    return Finding(
        [f"listed for {call.label}: {'; '.join(lines)}"],
        [
            f"For {call.label} [the tables list|published tables list], [among others|for example], {join_words(lines)}.",
            "[Sources differ|The sources do not agree in every unit], so each listing is kept apart.",
        ],
        fixed=True,
    )


def label_differences(call: Call) -> Finding:
    """What the tables list for one label and not for another."""
    one, other = call.label.split("/")
    units = {label: {au for v in VARIANTS if v.label == label for au in v.aus} for label in (one, other)}
    shared = units[one] & units[other]
    facts = [f"listed for {one} and {other}: {', '.join(sorted(shared)) or 'none'}",
             *(f"listed for {label} only: {', '.join(sorted(units[label] - shared)) or 'none'}" for label in (one, other))]
    says = [
        f"Listed for {one} and not for {other}: {_list_units(units[one] - shared)}.",
        f"For {other} and not for {one}: {_list_units(units[other] - shared)}.",
        f"For both: {_list_units(shared)}.",
        "[This puts the tables' listings together; no single face shows all of them.|No single face shows all of these.]",
    ]
    return Finding(facts, says, fixed=True)


def _list_units(units: set[str]) -> str:
    return unit_names(list(units)) or "no movement"


TEXTS = {
    "facs": (
        "FACS: Facial Action Coding System, Ekman & Friesen 1978; action units numbered by muscle, five levels A-E",
        "FACS, the Facial Action Coding System of Ekman and Friesen (1978), [describes faces by action units|names what a "
        "face does as "
        "action units]: single movements, numbered, each with its muscle and five levels from A to E.",
    ),
    "levels": (
        f"levels A-E are 1-5: {', '.join(LEVELS)}; 0 absent; a movement counts as there from 1.25, absent up to 0.25",
        f"Intensity goes from 0 to 5, as FACS letters A to E: {', '.join(LEVELS)}. A movement counts as there from 1.25; up "
        f"to 0.25 "
        "it counts as absent, and in between I do not decide. In a code such as R12B, R is the right side, 12 the unit and B "
        "its level.",
    ),
    "method": (
        "478 face landmarks and patches of skin give 24 action units, left and right, 0 to 5; pixels and units give the "
        "reading",
        "[The face is found|First the face is found] and 478 points are laid on it; from these points and the skin around "
        "them 24 "
        "action units are measured, left and right, from 0 to 5. The reading puts the overall look and these movements "
        "together.",
    ),
    "accuracy": (
        "measurements and readings can be wrong; human coders disagree too; every claim names its unit to be checked",
        "[It can be wrong|I can be wrong]: light, pose and the shape of a face at rest mislead the measurement, and people "
        "disagree "
        "about readings as well. So every claim names its action unit, its level and its place, for you to check.",
    ),
    "duchenne": (
        "Duchenne smile: AU06 and AU12 together (Ekman, Davidson & Friesen 1990); can be made on purpose; no proof of joy",
        "A Duchenne smile is AU12, the mouth corners, together with AU06, the cheeks (Ekman, Davidson & Friesen 1990). [Many "
        "people "
        "can make it on purpose|It can be made on purpose], so it is no proof of joy.",
    ),
    "micro": (
        "brief movement: 0.5 s or shorter; found in clips by optical flow; says nothing about lying",
        "A brief movement, or micro-expression, lasts half a second or less. In clips such movements are marked; that "
        "somebody hides "
        "something does not follow from them.",
    ),
    "sources": (
        "sources: Du, Tao & Martinez 2014; FACS Investigator's Guide 2002; Ekman & Friesen 1978; EMFACS; Lucey et al. 2010; "
        "Keltner et al. 2019",
        "The tables are Du, Tao and Martinez 2014, the FACS Investigator's Guide of 2002, Ekman and Friesen 1978, EMFACS, "
        "Lucey "
        "and others 2010, and Keltner and others 2019. They differ, so each listing keeps its source.",
    ),
    "labels": (f"labels: {', '.join(LABELS)}", f"There are eight labels: {join_words(list(LABELS))}."),
    "baseline": (
        "baseline: what a face is like at rest; a clip's own rest is used; one photo has none",
        "The baseline is the face at rest: brows and lips differ between people. In a clip the person's own rest is used; one "
        "photo has none, so a face with low brows can look like AU04.",
    ),
    "privacy": (
        "runs on this machine; pictures are not stored or sent; nobody is identified",
        "Everything runs where you started it: pictures are neither kept nor sent anywhere, and nobody is identified.",
    ),
    "files": (
        "photos, clips, tables of action units (OpenFace, py-feat, LibreFace, ARKit), FACS codes such as 6C+12D",
        "I take photos, clips, tables of action units (OpenFace, py-feat, LibreFace, ARKit) and FACS codes such as 6C+12D.",
    ),
    "asymmetry": (
        "left and right are the person's own; a side is named when it is a level or more stronger",
        "Left and right are the person's own. One side is named when it is at least one level stronger than the other.",
    ),
    "feelings": (
        "a label is what a face is commonly read as; what is felt cannot be seen",
        "A label says what such a face is commonly read as. What somebody feels may differ: people smile without joy and "
        "feel much "
        "without showing it.",
    ),
    "basic": (
        "basic emotions: Ekman & Friesen 1971, a few with a face of their own; disputed, Barrett and others 2019",
        "That a few basic emotions have faces of their own that people everywhere know goes back to Ekman and Friesen (1971), "
        "and is disputed (Barrett and others, 2019). The labels here say what a face is commonly read as, not more.",
    ),
    "compare": (
        "faces of one picture can be compared; other pictures on a server, up to four in a conversation",
        "I can compare the faces of one picture. Other pictures need another chat here; a server compares up to four that are "
        "sent in one conversation.",
    ),
}


TEXTS |= {name: (text, text) for name, text in {
    "licence": "The code is under Apache-2.0, and so is the language model in it, SmolLM2-135M-Instruct: free of charge, also "
               "for commercial use. The weights that were trained here are for research use, as the pictures are that they "
               "were trained on (FER2013, FER+, CK+); README.md has the licence of each part. The rights in your pictures "
               "stay yours. To cite it, name emollm and its version.",
    "pictures": "Best are faces seen from the front, at least 64 px wide, sharp, evenly lit, with nothing over brows, eyes "
                "or mouth and without filters. In a clip brief movements need 25 frames a second or more; let it begin with a "
                "second of the face at rest, or give a picture of that with --baseline.",
    "program": "On the command line, emollm explain, measure, chat, export and caption (for whole folders); in Python, import "
               "emollm; for apps, emollm serve answers as an OpenAI-compatible API does. Tables come as CSV or JSON, also for "
               "ELAN, BORIS and Praat. README.md and docs/api.md show each.",
    "posed": "Whether an expression is posed, acted or felt cannot be told from the face: most of its movements can be made on "
             "purpose, and what is felt need not show. What can be told is what moved, how strongly, on which side and when.",
}.items()}
TEXTS |= {name: (text, text) for name, (_, text) in CONDITIONS.items()}
TEXTS |= {name: (text, text) for name, text in {
    "by_facs": f"{MANUAL}; the first edition is Ekman and Friesen 1978.",
    "by_measuring": "That was measured here by this program, so it stands in no publication; how it measures, and "
                    "how well, "
                    f"is in docs/au_estimator.md. What each action unit is, is as in the {MANUAL}.",
    "by_reading": "The reading is this program's own, made of the overall look and the movements, so it stands in no "
                  "publication. Which movements are listed for a label is from Du, Tao and Martinez 2014, the FACS "
                  "Investigator's Guide of 2002, Ekman and Friesen 1978, EMFACS, Lucey and others 2010, and Keltner and "
                  "others 2019.",
    "by_affect": "Valence and arousal are this program's reading, weighed with what people gave the words for the labels "
                 "(Russell and Mehrabian 1977, Journal of Research in Personality 11).",
    "by_displays": "Crivelli and Fridlund 2018, Facial displays are tools for social influence, table 1; what else a "
                   "movement may come from is this program's own list.",
    "by_sorting": "Which label a word is near is from Shaver, Schwartz, Kirson and O'Connor 1987 (J. Pers. Soc. Psychol. "
                  "52), who had people sort such words, and for words that are not among theirs this program's own judgement.",
    "by_duchenne": "Ekman, Davidson and Friesen 1990, J. Pers. Soc. Psychol. 58.",
    "by_program": "That is how this program works, not a finding of somebody else; its own pages (docs/) say more.",
}.items()}


def topic(call: Call) -> Finding:
    facts, patterns = zip(*(TEXTS[word] for word in call.word.split("/")), strict=True)
    return Finding(list(facts), list(patterns), fixed=True)
