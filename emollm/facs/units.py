"""The 24 action units: name, muscle, how each one looks and where it shows.

Landmark indices belong to the 478-point mediapipe face mesh. Left is the person's own left: index 263 is the outer
corner of the left eye, 33 that of the right eye.
"""

from __future__ import annotations

from dataclasses import dataclass

from emollm.schema import AUS


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


# FACS manual (Ekman, Friesen & Hager 2002): numbers of the upper face action units; the others here are of the lower face.
UPPER = (1, 2, 4, 5, 6, 7, 43, 45)
LOWER = tuple(number for number in AUS if number not in UPPER)
UPPER_FACE = frozenset(f"AU{number:02d}" for number in UPPER)

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
    _unit(4, "brow lowerer", "corrugator supercilii, depressor supercilii and procerus", "brow",
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

if tuple(unit.number for unit in _UNITS) != AUS:
    raise AssertionError("facs/units.py and schema.AUS name different action units")
