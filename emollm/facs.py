"""What the Facial Action Coding System says: action units, where they show, and what they are commonly read as.

Sources disagree about which movements belong to which label, so every listing is kept apart with its citation
(`VARIANTS`); nothing here is a single prototype. A label is what a face is commonly read as, never what a person feels.

Landmark indices belong to the 478-point mediapipe face mesh. Left is the person's own left: index 263 is the outer
corner of the left eye, 33 that of the right eye.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emollm.schema import AU_NAMES, AUS, LABELS, InputError, au_index

if TYPE_CHECKING:
    import numpy as np

# FACS A-E: upper bound of the intensity that each word covers.
LEVELS = ("trace", "slight", "marked", "pronounced", "extreme")
_LEVEL_BOUNDS = (1.5, 2.5, 3.5, 4.5)


@dataclass(frozen=True)
class ActionUnit:
    """One movement of the face. `look` holds short side-neutral phrases that may end an observation line."""

    number: int
    name: str  # "AU04"
    title: str  # FACS name, lower case
    muscle: str
    look: tuple[str, ...]
    laterality: str  # bilateral | often unilateral | midline
    region: dict[str, tuple[int, ...]]  # "left", "right" -> ordered polygon of landmark indices
    confusable: tuple[str, ...]  # names of action units that look alike
    note: str


@dataclass(frozen=True)
class Variant:
    """One source's listing of one label. `aus`: share of people 0-1 who show it, None when the source gives none."""

    label: str
    aus: dict[str, float | None]
    source: str


@dataclass(frozen=True)
class Combination:
    """Movements that mean more together than alone. Every phrase is a clause about these movements, naming no label."""

    aus: frozenset[str]
    name: str
    phrases: tuple[str, ...]
    commonly_read_as: tuple[str, ...]  # labels and other states such as "concentration"
    source: str
    without: frozenset[str] = frozenset()  # holds only when none of these is there
    one_sided: bool = False  # holds only when all of `aus` are on the same single side


# Ordered polygons on the person's right half; the left half is their mirror.
_RIGHT_REGIONS = {
    "inner brow": (69, 108, 107, 55, 65, 52, 105),
    "outer brow": (68, 104, 105, 52, 53, 46, 70),
    "brow": (70, 63, 105, 66, 107, 9, 8, 55, 65, 52, 53, 46),
    "upper lid": (33, 246, 161, 160, 159, 158, 157, 173, 133, 190, 56, 28, 27, 29, 30, 247),
    "cheek": (226, 31, 228, 229, 230, 231, 101, 50, 123, 116),
    "lids": (130, 247, 30, 29, 27, 28, 56, 190, 243, 112, 26, 22, 23, 24, 110, 25),
    "nose root": (8, 168, 6, 197, 195, 51, 131, 198, 217, 188, 193),
    "upper lip": (164, 2, 97, 98, 64, 203, 206, 92, 40, 39, 37, 0),
    "nasolabial fold": (142, 36, 206, 165, 98, 129),
    "mouth corner": (40, 165, 206, 207, 212, 43, 91, 146, 61, 185),
    "corner dimple": (61, 185, 92, 216, 212, 43, 146),
    "below corner": (61, 57, 212, 202, 204, 106, 91, 146),
    "chin": (17, 84, 181, 182, 194, 32, 140, 171, 175, 199, 200, 18),
    "around lips": (164, 167, 165, 92, 186, 57, 43, 106, 182, 83, 18),
    "mouth side": (40, 92, 216, 214, 202, 106, 91, 146, 61, 185),
    "lips": (0, 37, 39, 40, 185, 61, 146, 91, 181, 84, 17),
    "jaw": (61, 136, 150, 149, 176, 148, 152, 17, 84, 181, 91, 146),
    "mouth and jaw": (0, 37, 39, 40, 185, 61, 136, 150, 149, 176, 148, 152),
    "eye": (33, 247, 30, 29, 27, 28, 56, 190, 133, 155, 154, 153, 145, 144, 163, 7),
}
# Right half -> left half of the mesh; points of the midline are their own mirror and are left out.
_MIRROR = {
    7: 249, 22: 252, 23: 253, 24: 254, 25: 255, 26: 256, 27: 257, 28: 258, 29: 259, 30: 260, 31: 261, 32: 262, 33: 263,
    36: 266, 37: 267, 39: 269, 40: 270, 43: 273, 46: 276, 50: 280, 51: 281, 52: 282, 53: 283, 55: 285, 56: 286, 57: 287,
    61: 291, 63: 293, 64: 294, 65: 295, 66: 296, 68: 298, 69: 299, 70: 300, 83: 313, 84: 314, 91: 321, 92: 322, 97: 326,
    98: 327, 101: 330, 104: 333, 105: 334, 106: 335, 107: 336, 108: 337, 110: 339, 112: 341, 116: 345, 123: 352,
    129: 358, 130: 359, 131: 360, 133: 362, 136: 365, 140: 369, 142: 371, 144: 373, 145: 374, 146: 375, 148: 377,
    149: 378, 150: 379, 153: 380, 154: 381, 155: 382, 157: 384, 158: 385, 159: 386, 160: 387, 161: 388, 163: 390,
    165: 391, 167: 393, 171: 396, 173: 398, 176: 400, 181: 405, 182: 406, 185: 409, 186: 410, 188: 412, 190: 414,
    193: 417, 194: 418, 198: 420, 202: 422, 203: 423, 204: 424, 206: 426, 207: 427, 212: 432, 214: 434, 216: 436,
    217: 437, 226: 446, 228: 448, 229: 449, 230: 450, 231: 451, 243: 463, 246: 466, 247: 467,
}


def _region(place: str) -> dict[str, tuple[int, ...]]:
    right = _RIGHT_REGIONS[place]
    return {"left": tuple(_MIRROR.get(i, i) for i in right), "right": right}


def _unit(number: int, title: str, muscle: str, place: str, look: tuple[str, ...], *,
          confusable: tuple[int, ...], note: str, laterality: str = "bilateral") -> ActionUnit:
    names = tuple(f"AU{k:02d}" for k in confusable)
    return ActionUnit(number, f"AU{number:02d}", title, muscle, look, laterality, _region(place), names, note)


# Names, muscles and appearance after Ekman, Friesen & Hager, FACS Manual, 2002; phrases are our own.
_UNITS = (
    _unit(1, "inner brow raiser", "frontalis, pars medialis", "inner brow",
          ("inner end of the brow pulled up", "inner brow raised toward the forehead", "brow lifted near the nose",
           "inner brow corner drawn upward", "short creases above the inner brow"),
          confusable=(2, 4), note="With AU04 the brow slants upward to the middle; with AU02 the whole brow rises."),
    _unit(2, "outer brow raiser", "frontalis, pars lateralis", "outer brow",
          ("outer end of the brow pulled up", "outer brow arched", "brow lifted near the temple",
           "outer brow raised toward the hairline", "outer part of the brow drawn upward"),
          confusable=(1, 5),
          note="One-sided raising is common and is not a sign of one label.", laterality="often unilateral"),
    _unit(4, "brow lowerer", "corrugator supercilii, depressor supercilii, procerus", "brow",
          ("brow drawn down and inward", "brow lowered over the eye", "upright crease between the brows",
           "brow pulled toward the nose", "skin between the brows bunched"),
          confusable=(7, 9), note="Low or heavy brows at rest look like AU04 when no resting face is known."),
    _unit(5, "upper lid raiser", "levator palpebrae superioris", "upper lid",
          ("upper lid pulled up", "eye opened wide", "upper lid raised away from the iris",
           "more white of the eye above the iris", "wide eye opening"),
          confusable=(2,), note="A raised brow alone bares the lid and can look like AU05."),
    _unit(6, "cheek raiser", "orbicularis oculi, pars orbitalis", "cheek",
          ("cheek pushed up", "cheek raised toward the eye", "skin gathered at the outer eye corner",
           "cheek lifted under the lower lid", "bag formed below the eye"),
          confusable=(7, 12), note="A strong AU12 lifts the cheeks by itself; AU06 adds gathered skin beside the eye."),
    _unit(7, "lid tightener", "orbicularis oculi, pars palpebralis", "lids",
          ("eyelid tightened", "eye opening narrowed", "lower lid raised and tense", "lid drawn tight across the eye",
           "lower lid pushed up straight"),
          confusable=(6, 43), note="Bright light and careful looking tighten the lids too."),
    _unit(9, "nose wrinkler", "levator labii superioris alaeque nasi", "nose root",
          ("nose wrinkled", "wrinkles along the side of the nose", "skin of the nose drawn up",
           "nostril wing pulled upward", "creases at the root of the nose"),
          confusable=(4, 10),
          note="Pulls the inner brow down and the upper lip up as well, so AU04 and AU10 are easily overstated."),
    _unit(10, "upper lip raiser", "levator labii superioris", "upper lip",
          ("upper lip drawn up", "middle of the upper lip raised", "upper lip lifted off the teeth",
           "fold beside the nose deepened at the top", "upper lip squared and lifted"),
          confusable=(9, 12, 25),
          note="One-sided raising looks like a lifted corner of the lip.", laterality="often unilateral"),
    _unit(11, "nasolabial deepener", "zygomaticus minor", "nasolabial fold",
          ("fold beside the nose deepened", "deep crease from nose to mouth", "middle part of the cheek fold pulled up",
           "cheek fold drawn outward"),
          confusable=(10, 12), note="Rarely seen alone; a deep fold at rest looks the same."),
    _unit(12, "lip corner puller", "zygomaticus major", "mouth corner",
          ("mouth corner pulled up and back", "corner of the mouth raised", "lip corner drawn toward the ear",
           "mouth corner turned upward", "mouth widened and curved up", "lip corner lifted into the cheek"),
          confusable=(6, 14, 20),
          note="The movement of smiling, polite or amused, and of some speech.", laterality="often unilateral"),
    _unit(14, "dimpler", "buccinator", "corner dimple",
          ("mouth corner tucked in", "mouth corner pressed inward", "dimple beside the mouth",
           "lip corner tightened against the teeth", "wrinkle at the mouth corner"),
          confusable=(12, 15, 24),
          note="Often on one side; natural dimples look alike.", laterality="often unilateral"),
    _unit(15, "lip corner depressor", "depressor anguli oris", "below corner",
          ("mouth corner pulled down", "lip corner lowered", "mouth corner turned downward",
           "lip line bent down at the corner", "pouch below the mouth corner"),
          confusable=(14, 17, 20), note="Corners that hang at rest look like AU15 when no resting face is known."),
    _unit(17, "chin raiser", "mentalis", "chin",
          ("chin pushed up", "lower lip pushed upward", "chin boss wrinkled", "lower lip raised by the chin",
           "chin skin bunched and flattened"),
          confusable=(15, 24), note="Bends the mouth line down and so looks like AU15.", laterality="midline"),
    _unit(18, "lip pucker", "incisivii labii superioris and inferioris", "around lips",
          ("lips puckered", "lips pushed forward and drawn together", "mouth opening made small and round",
           "mouth drawn toward its middle"),
          confusable=(22, 23), note="Common in speech (o, u) and in kissing.", laterality="midline"),
    _unit(20, "lip stretcher", "risorius with platysma", "mouth side",
          ("mouth stretched sideways", "lip corner pulled straight out", "lips drawn wide and flat",
           "mouth corner drawn toward the jaw angle", "lips flattened and stretched"),
          confusable=(12, 15, 25), note="Unlike AU12 it does not lift the corners."),
    _unit(22, "lip funneler", "orbicularis oris", "around lips",
          ("lips funneled outward", "lips turned out like a funnel", "lips pushed out and open",
           "inner side of the lips shown"),
          confusable=(18, 25), note="Common in speech (sh, ch).", laterality="midline"),
    _unit(23, "lip tightener", "orbicularis oris", "lips",
          ("lips tightened", "lips made narrow and hard", "red part of the lips narrowed", "lips rolled in slightly",
           "lip edge tensed"),
          confusable=(24, 28), note="Thin lips at rest look alike.", laterality="midline"),
    _unit(24, "lip pressor", "orbicularis oris", "lips",
          ("lips pressed together", "lips squeezed shut", "upper and lower lip pushed against each other",
           "mouth closed with pressure", "lips flattened by pressing"),
          confusable=(17, 23, 28),
          note="Cannot be scored with AU25: parted lips are not pressed.", laterality="midline"),
    _unit(25, "lips part", "depressor labii inferioris, or relaxed mentalis or orbicularis oris", "lips",
          ("lips parted", "mouth slightly open", "gap between the lips", "lips apart with teeth in view",
           "lips no longer touching"),
          confusable=(10, 26), note="Speech and breathing through the mouth part the lips.", laterality="midline"),
    _unit(26, "jaw drop", "relaxed masseter, temporalis and internal pterygoid", "jaw",
          ("jaw dropped", "jaw lowered and loose", "teeth apart with the jaw hanging", "lower jaw let down",
           "chin lowered by the open jaw"),
          confusable=(25, 27), note="A relaxed opening; AU27 is a pull.", laterality="midline"),
    _unit(27, "mouth stretch", "pterygoids, digastric", "mouth and jaw",
          ("mouth stretched wide open", "jaw pulled far down", "mouth opened to a tall oval",
           "cheeks flattened by the wide open mouth"),
          confusable=(26,), note="Yawning, shouting and singing look alike.", laterality="midline"),
    _unit(28, "lip suck", "orbicularis oris", "lips",
          ("lips sucked in", "lips rolled over the teeth", "red part of the lips hidden",
           "lips drawn inward and covered"),
          confusable=(23, 24), note="Hides the lips, so other lip movements cannot be judged.", laterality="midline"),
    _unit(43, "eyes closed", "relaxed levator palpebrae superioris", "eye",
          ("eye closed", "upper lid hanging down", "lid shut over the eye", "eyelid lowered and at rest"),
          confusable=(7, 45), note="In a photograph a blink and closed eyes cannot be told apart."),
    _unit(45, "blink", "relaxed levator palpebrae superioris, orbicularis oculi, pars palpebralis", "eye",
          ("quick closing of the eye", "eyelid closed and reopened", "lid passing quickly over the eye",
           "short blink of the eye"),
          confusable=(43,), note="Shorter than half a second; most blinks say nothing about a label."),
)
ACTION_UNITS: dict[str, ActionUnit] = {unit.name: unit for unit in _UNITS}


def level_word(intensity: float) -> str:
    """FACS letter A-E as a word: trace < 1.5, slight < 2.5, marked < 3.5, pronounced < 4.5, else extreme."""
    return LEVELS[sum(intensity >= bound for bound in _LEVEL_BOUNDS)]


def region_polygon(name: str, side: str, landmarks: np.ndarray) -> list[list[float]]:
    """Where an action unit shows, as an ordered polygon in picture pixels.

    name: "AU04". side: left | right (the person's own) | both; both joins the two halves by their convex hull.
    landmarks: [478, 2+] in picture pixels. Returns [[x, y], ...]. Raises InputError for an unknown action unit or side.
    """
    region = ACTION_UNITS[AU_NAMES[au_index(name)]].region
    if side in region:
        return [[float(x), float(y)] for x, y in landmarks[list(region[side]), :2]]
    if side == "both":
        return _hull(landmarks[list({*region["left"], *region["right"]}), :2])
    raise InputError(f"unknown side '{side}': use left, right or both")


def _hull(points: np.ndarray) -> list[list[float]]:
    """Convex hull, ordered (Andrew's monotone chain, Information Processing Letters 9(5), 1979)."""
    ordered = sorted({(float(x), float(y)) for x, y in points})

    def half(chain):
        kept: list[tuple[float, float]] = []
        for p in chain:
            while len(kept) > 1 and _turn(kept[-2], kept[-1], p) <= 0:
                kept.pop()
            kept.append(p)
        return kept[:-1]

    return [list(p) for p in half(ordered) + half(reversed(ordered))]


def _turn(a: tuple, b: tuple, c: tuple) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


DU = "Du, Tao & Martinez 2014, PNAS 111(15), Table 1 (unbracketed: more than 70 % of 230 people)"
GUIDE = "as listed by Ekman, Friesen & Hager 2002, FACS Investigator's Guide, Table 10-1"
TABLE_11 = "as listed by Ekman & Friesen 1978, FACS Table 11-1"
EMFACS = "EMFACS-style table, as listed by Wikipedia, Facial Action Coding System"
CK = "criteria of CK+, as listed by Lucey et al. 2010"
KELTNER = "as listed by Keltner, Sauter, Tracy & Cowen 2019, J. Nonverbal Behavior 43"
OVER_70 = 0.7  # Du et al. only say "more than 70 % of people" for these


def _variant(label: str, aus: str, source: str, shares: dict[int, float] | None = None) -> Variant:
    """aus: "1+4+15"; shares: further action units with their share of people. The first group has share 0.7 in DU."""
    first = OVER_70 if source == DU else None
    listed = {int(k): first for k in aus.split("+") if k} | (shares or {})
    return Variant(label, {f"AU{k:02d}": listed[k] for k in sorted(listed)}, source)


# Movements outside the 24 (lower lip depressor, tongue, head and eye positions) are left out of every listing.
# GUIDE: an asterisk (any intensity) and the letters (5B) are left out; "25, 26 or 27" is spelled as its first member.
VARIANTS: tuple[Variant, ...] = (
    _variant("neutral", "", "FACS code 0: no action unit"),
    _variant("happiness", "12+25", DU, {6: 0.51}),
    _variant("happiness", "6+12", GUIDE),
    _variant("happiness", "12", GUIDE),
    _variant("happiness", "6+12+25", TABLE_11),
    _variant("happiness", "6+12", EMFACS),
    _variant("happiness", "12", CK),
    _variant("happiness", "6+7+12+25+26", KELTNER),
    _variant("sadness", "4+15", DU, {1: 0.60, 6: 0.50, 11: 0.26, 17: 0.67}),
    _variant("sadness", "1+4+11+15", GUIDE),
    _variant("sadness", "1+4+15", GUIDE),
    _variant("sadness", "6+15", GUIDE),
    _variant("sadness", "1+4+15+17", GUIDE),
    _variant("sadness", "11+17", GUIDE),
    _variant("sadness", "1+4+15", TABLE_11),
    _variant("sadness", "1+4+15", EMFACS),
    _variant("sadness", "1+4+15", CK),
    _variant("sadness", "11", CK),
    _variant("sadness", "6+15", CK),
    _variant("sadness", "1+4+6+15+17", KELTNER),
    _variant("surprise", "1+2+25+26", DU, {5: 0.66}),
    _variant("surprise", "1+2+5+26", GUIDE),
    _variant("surprise", "1+2+5+27", GUIDE),
    _variant("surprise", "1+2+26", GUIDE),
    _variant("surprise", "5+26", GUIDE),
    _variant("surprise", "1+2+5+26", TABLE_11),
    _variant("surprise", "1+2+5+26", EMFACS),
    _variant("surprise", "1+2", CK),
    _variant("surprise", "5", CK),
    _variant("surprise", "1+2+5+25+26", KELTNER),
    _variant("fear", "1+4+20+25", DU, {2: 0.57, 5: 0.63, 26: 0.33}),
    _variant("fear", "1+2+4+5+20+25", GUIDE),
    _variant("fear", "1+2+4+5+25", GUIDE),
    _variant("fear", "1+2+4+5", GUIDE),
    _variant("fear", "5+20", GUIDE),
    _variant("fear", "1+2+4+5+20+25", TABLE_11),
    _variant("fear", "1+2+4+5+7+20+26", EMFACS),
    _variant("fear", "1+2+4", CK),
    _variant("fear", "1+2+4+5+7+20+25", KELTNER),
    _variant("disgust", "9+10+17", DU, {4: 0.31, 24: 0.26}),
    _variant("disgust", "9", GUIDE),
    _variant("disgust", "9+15+26", GUIDE),
    _variant("disgust", "9+17", GUIDE),
    _variant("disgust", "10", GUIDE),
    _variant("disgust", "10+17", GUIDE),
    _variant("disgust", "4+10+17", TABLE_11),
    _variant("disgust", "9+15", EMFACS),
    _variant("disgust", "9", CK),
    _variant("disgust", "10", CK),
    _variant("disgust", "7+9+25+26", KELTNER),
    _variant("anger", "4+7+24", DU, {10: 0.26, 17: 0.52, 23: 0.29}),
    _variant("anger", "4+5+7+10+22+23+25", GUIDE),
    _variant("anger", "4+5+7+10+23+25", GUIDE),
    _variant("anger", "4+5+7+23", GUIDE),
    _variant("anger", "4+5+7+17+23", GUIDE),
    _variant("anger", "4+5+7+17+24", GUIDE),
    _variant("anger", "4+5+7+24", TABLE_11),
    _variant("anger", "4+5+7+23", EMFACS),
    _variant("anger", "23+24", CK),
    _variant("anger", "4+5+17+23+24", KELTNER),
    _variant("contempt", "12+14", EMFACS),  # on the right side only in that table
    _variant("contempt", "14", CK),  # on one side or on both
    _variant("contempt", "4+14+25", KELTNER),
)

# Movements that speak against a label: the opposite pull of the same part of the face, and in no listing of that label.
_AGAINST = {
    "happiness": (4, 15, 20),
    "sadness": (5, 12, 27),
    "surprise": (4, 9, 15, 24),
    "fear": (6, 12, 43),
    "disgust": (2, 5, 12),
    "anger": (1, 2, 12),
    "contempt": (1, 5, 20, 27),
}
# Seen on faces at rest all the time, so they do not speak against the label "neutral".
_AT_REST = ("AU25", "AU43", "AU45")


def relation(label: str, au: str | int) -> str:
    """How a movement bears on a label: "for" when any variant of the label lists it, "against", or "neutral".

    For the label "neutral" every movement counts against it except parted lips, closed eyes and blinks.
    Raises InputError for an unknown label or action unit.
    """
    if label not in LABELS:
        raise InputError(f"unknown label '{label}': use one of {' '.join(LABELS)}")
    name = AU_NAMES[au_index(au)]
    if label == "neutral":
        return "neutral" if name in _AT_REST else "against"
    if any(name in variant.aus for variant in VARIANTS if variant.label == label):
        return "for"
    return "against" if ACTION_UNITS[name].number in _AGAINST[label] else "neutral"


# What else each movement may come from; noun phrases that name no label.
OTHER_READINGS: dict[str, tuple[str, ...]] = {
    "AU01": ("a question", "emphasis in speech", "attention"),
    "AU02": ("a greeting", "emphasis in speech", "a question"),
    "AU04": ("concentration", "bright light", "an effort to see clearly"),
    "AU05": ("a look at something new", "emphasis in speech", "attention"),
    "AU06": ("bright light", "physical effort"),
    "AU07": ("bright light", "an effort to see clearly", "concentration"),
    "AU09": ("a strong smell", "bright light", "a sniff"),
    "AU10": ("speech", "physical effort"),
    "AU11": ("speech", "the shape of the cheek at rest"),
    "AU12": ("politeness", "a greeting", "speech"),
    "AU14": ("a habit of the mouth", "thought", "polite agreement"),
    "AU15": ("doubt", "a shrug of the mouth", "the shape of the mouth at rest"),
    "AU17": ("doubt", "a shrug of the mouth", "thought"),
    "AU18": ("speech", "a kiss", "thought"),
    "AU20": ("speech", "physical effort"),
    "AU22": ("speech", "a breath blown out"),
    "AU23": ("physical effort", "concentration", "speech"),
    "AU24": ("concentration", "physical effort", "waiting"),
    "AU25": ("speech", "breathing through the mouth", "a relaxed mouth"),
    "AU26": ("speech", "a relaxed jaw", "breathing through the mouth"),
    "AU27": ("a yawn", "a shout", "singing"),
    "AU28": ("concentration", "wetting the lips", "a habit of the mouth"),
    "AU43": ("a long blink", "rest", "bright light"),
    "AU45": ("an ordinary blink", "dry eyes", "a change of gaze"),
}


def reading(name: str | int) -> tuple[str, ...]:
    """What one action unit alone is commonly read as: labels that list it first, then readings without emotion."""
    au = AU_NAMES[au_index(name)]
    labels = [label for label in LABELS if any(au in v.aus for v in VARIANTS if v.label == label)]
    return (*labels, *OTHER_READINGS[au])


PAIN = "Prkachin & Solomon 2008, Pain 139 (PSPI)"
DUCHENNE = "Ekman, Davidson & Friesen 1990, J. Pers. Soc. Psychol. 58"
MANUAL = "FACS Manual 2002, common combinations"
CONVERSATION = "Ekman 1979, About brows: emotional and conversational signals"
OWN = "reading of this project, in no published table"


def _together(aus: str, name: str, phrases: tuple[str, ...], read_as: tuple[str, ...], source: str, *,
              without: str = "", one_sided: bool = False) -> Combination:
    def names(numbers: str) -> frozenset[str]:
        return frozenset(f"AU{int(k):02d}" for k in numbers.split("+") if k)
    return Combination(names(aus), name, phrases, read_as, source, names(without), one_sided)


COMBINATIONS: tuple[Combination, ...] = (
    _together("6+12", "cheek and mouth corner smile",
              ("the cheeks take part in the smile", "cheeks and mouth corners rise together",
               "the smile reaches the cheeks"), ("happiness", "amusement"), DUCHENNE),
    _together("12", "mouth-only smile",
              ("the smile stays in the mouth without help from the cheeks",
               "the mouth smiles with no lift of the cheeks", "the mouth corners rise without help from the cheeks"),
              ("happiness", "politeness", "greeting"), DUCHENNE, without="6"),
    _together("6+12+25", "open smile",
              ("the smile opens and the cheeks rise with it", "cheeks and mouth corners rise over parted lips"),
              ("happiness", "laughter"), TABLE_11),
    _together("12", "one-sided smile",
              ("only one mouth corner rises", "the smile is drawn on one side only"),
              ("contempt", "amusement", "irony"), EMFACS, one_sided=True),
    _together("14", "one-sided dimple",
              ("only one mouth corner is tucked in", "the mouth tightens at a single corner"),
              ("contempt", "doubt", "irony"), CK, one_sided=True),
    _together("12+14", "tightened smile",
              ("the raised mouth corner is tucked in as well", "the smile is held back by a tucked mouth corner"),
              ("contempt", "politeness", "embarrassment"), EMFACS),
    _together("12+15", "braked smile",
              ("the mouth corner is pulled up and down at the same time", "the smile is braked by a downward pull"),
              ("embarrassment", "a smile held back"), "Keltner 1995, J. Pers. Soc. Psychol. 68"),
    _together("12+17", "smile with raised chin",
              ("the chin pushes up against the smile", "the smile is held back by the raised chin"),
              ("a smile held back", "pride"), OWN),
    _together("12+24", "pressed smile",
              ("the lips stay pressed during the smile", "the smile is kept behind pressed lips"),
              ("politeness", "a smile held back"), "Keltner 1995, J. Pers. Soc. Psychol. 68"),
    _together("4+12", "smile under lowered brows",
              ("the smile stands under lowered brows", "the brows go down while the mouth corners go up"),
              ("a mixed look", "bright light", "effort"), OWN),
    _together("1+2", "whole brow raised",
              ("the whole brow goes up", "inner and outer brow rise as one",
               "the brow is raised along its whole length"),
              ("surprise", "interest", "emphasis in speech", "a question"), CONVERSATION, without="4"),
    _together("1+2+5", "raised brows and wide eyes",
              ("raised brows and raised upper lids open the eyes", "brows and upper lids go up together"),
              ("surprise", "fear"), GUIDE),
    _together("1+2+5+26", "raised brows, wide eyes, dropped jaw",
              ("brows and lids go up while the jaw drops", "the face opens at the eyes and at the mouth"),
              ("surprise",), GUIDE),
    _together("1+4", "inner brows raised and drawn together",
              ("the inner brows are raised and drawn together", "the brows slant up toward the middle"),
              ("sadness", "worry", "concern"), CONVERSATION, without="2"),
    _together("1+2+4", "raised and drawn together",
              ("the brows are raised and drawn together at once", "the raised brows are pulled straight and inward"),
              ("fear", "worry"), CK),
    _together("1+4+15", "slanted brows and lowered mouth corners",
              ("slanted brows meet lowered mouth corners", "the inner brows go up while the mouth corners go down"),
              ("sadness",), GUIDE),
    _together("1", "inner brow alone",
              ("only the inner part of the brow rises", "the inner brow rises without the outer part"),
              ("sadness", "concern", "a question"), OWN, without="2+4"),
    _together("2", "outer brow on one side",
              ("one outer brow is lifted alone", "a single outer brow goes up"),
              ("doubt", "a question", "irony"), OWN, one_sided=True),
    _together("5+20", "wide eyes and stretched mouth",
              ("the eyes widen while the mouth stretches sideways", "wide eyes come with a sideways pull of the mouth"),
              ("fear",), GUIDE),
    _together("4+5", "stare under lowered brows",
              ("the brows go down while the upper lids go up", "the eyes are opened against lowered brows"),
              ("anger", "close attention"), GUIDE, without="1"),
    _together("4+5+7", "lowered brows and hard eyes",
              ("lowered brows meet lids that are raised and tight", "brow and both lids pull against each other"),
              ("anger",), GUIDE),
    _together("4+7", "lowered brows and tight lids",
              ("the lowered brow and the tight lids narrow the eyes", "brow and lids close in on the eyes"),
              ("anger", "concentration", "bright light"), DU, without="5"),
    _together("4+7+24", "lowered brows, tight lids, pressed lips",
              ("tight eyes above match pressed lips below", "brows and lids tighten and the lips press"),
              ("anger", "effort"), DU),
    _together("4", "lowered brows alone",
              ("the brow is lowered without any tightening of the lids",
               "the brow goes down with no movement of the lids"),
              ("anger", "concentration", "bright light"), CONVERSATION, without="1+5+7+9"),
    _together("23+24", "tight pressed lips",
              ("the lips are tightened and pressed", "the mouth is closed with force"),
              ("anger", "effort", "concentration"), CK),
    _together("17+24", "pressed lips over a raised chin",
              ("the chin pushes the pressed lips up", "lips and chin press against each other"),
              ("anger", "resolve", "doubt"), GUIDE),
    _together("15+17", "lowered corners over a raised chin",
              ("the mouth corners go down while the chin goes up", "chin and mouth corners bend the lips into an arch"),
              ("sadness", "disgust", "doubt"), MANUAL),
    _together("6+15", "raised cheeks and lowered corners",
              ("the cheeks rise while the mouth corners go down", "raised cheeks meet lowered mouth corners"),
              ("sadness", "crying"), GUIDE),
    _together("9+10", "nose and upper lip",
              ("nose and upper lip are drawn up together", "the wrinkled nose takes the upper lip with it"),
              ("disgust",), DU),
    _together("9+17", "wrinkled nose and raised chin",
              ("the nose wrinkles while the chin pushes up", "nose and chin close in on the mouth"),
              ("disgust",), GUIDE),
    _together("10+17", "raised upper lip and chin",
              ("the upper lip goes up while the chin pushes the lower lip", "both lips are pushed upward"),
              ("disgust",), GUIDE),
    _together("10", "one-sided lip raise",
              ("the upper lip is lifted on one side only", "one half of the upper lip goes up"),
              ("contempt", "disgust"), OWN, one_sided=True),
    _together("4+9", "lowered brow and wrinkled nose",
              ("brow and nose are drawn toward each other",
               "the lowered brow and the wrinkled nose crowd the inner eye"),
              ("disgust", "anger", "pain"), DU),
    _together("4+6+9+43", "squeezed face",
              ("brow, cheeks and nose close in on shut eyes", "the whole upper face is squeezed shut"),
              ("pain", "effort"), PAIN),
    _together("20+25", "stretched open mouth",
              ("the parted lips are stretched sideways", "the open mouth is pulled wide and flat"),
              ("fear", "speech"), GUIDE),
    _together("25+26", "open mouth",
              ("lips and jaw open together", "the mouth hangs open"),
              ("surprise", "speech", "breathing through the mouth"), OWN),
    _together("25+27", "wide open mouth",
              ("the mouth is opened as far as the jaw goes", "lips and jaw are opened wide"),
              ("surprise", "fear", "a yawn", "a shout"), GUIDE),
    _together("18+25", "rounded open lips",
              ("the parted lips are rounded", "a small round opening is formed by the lips"),
              ("speech", "a whistle"), OWN),
    _together("22+25", "funneled open lips",
              ("the parted lips turn outward", "the lips form an open funnel"),
              ("speech", "anger"), GUIDE),
    _together("6+12+43", "smile with closed eyes",
              ("the eyes close over the smile", "cheeks and mouth corners rise under closed eyes"),
              ("happiness", "laughter"), OWN),
    _together("12+43", "soft smile with closed eyes",
              ("the mouth smiles under closed eyes", "the eyes close while the mouth corners rise"),
              ("contentment", "rest"), KELTNER, without="6"),
    _together("6+7+12", "smile that narrows the eyes",
              ("cheeks and lids narrow the eyes during the smile", "the smile narrows the eyes"),
              ("happiness", "laughter", "bright light"), KELTNER),
    _together("1+2+12", "smile under raised brows",
              ("raised brows come with the smile", "brows and mouth corners go up together"),
              ("happiness", "surprise", "interest", "greeting"), KELTNER),
)


def describe(name: str | int) -> str:
    """Everything this module knows about one action unit, as text for the terminal. Raises InputError if unknown."""
    unit = ACTION_UNITS[AU_NAMES[au_index(name)]]
    confusable = ", ".join(f"{au} {ACTION_UNITS[au].title}" for au in unit.confusable)
    lines = [f"{unit.name} {unit.title}", f"  muscle       {unit.muscle}", f"  look         {'; '.join(unit.look)}",
             f"  side         {unit.laterality}", f"  looks like   {confusable}", f"  note         {unit.note}",
             f"  levels       {_levels()}", f"  also         {', '.join(OTHER_READINGS[unit.name])}",
             "  listed for (in brackets: shown by that share of people only):"]
    return "\n".join([*lines, *_listings(unit.name), "  together with others:", *_companions(unit.name)])


def _levels() -> str:
    below = [f"{word} below {bound}" for word, bound in zip(LEVELS, _LEVEL_BOUNDS, strict=False)]
    return ", ".join([*below, f"{LEVELS[-1]} from {_LEVEL_BOUNDS[-1]}"])


def _listings(au: str) -> list[str]:
    """One line a listing: "sadness: 4+15 [1 60%, 6 50%]; source", brackets for those whose share is published."""
    lines = []
    for v in VARIANTS:
        if au not in v.aus:
            continue
        always = "+".join(str(int(k[2:])) for k, share in v.aus.items() if share in (None, OVER_70))
        some = ", ".join(f"{int(k[2:])} {share:.0%}" for k, share in v.aus.items() if share not in (None, OVER_70))
        lines.append(f"    {v.label}: {always}{f' [{some}]' if some else ''}; {v.source}")
    return lines or ["    no label"]


def _companions(au: str) -> list[str]:
    found = [c for c in COMBINATIONS if au in c.aus]
    return [f"    {'+'.join(str(int(k[2:])) for k in sorted(c.aus))} {c.name}: "
            f"{', '.join(c.commonly_read_as)}; {c.source}"
            for c in found] or ["    no listed combination"]


if tuple(unit.number for unit in _UNITS) != AUS:
    raise AssertionError("facs.py and schema.AUS name different action units")
