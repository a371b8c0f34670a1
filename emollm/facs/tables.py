"""Published listings of labels and of movements that go together, each with its source.

Sources disagree about which movements belong to which label, so every listing is kept apart with its citation
(`VARIANTS`); nothing here is a single prototype. A label is what a face is commonly read as, never what a person feels.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass


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

    def holds(self, there: Mapping[str, str], absent: Collection[str]) -> bool:
        """there: units that are there -> their side, of schema.SIDES; absent: those measured as not there."""
        if not (self.aus <= there.keys() and self.without <= set(absent)):
            return False
        sides = {there[au] for au in self.aus}
        return not self.one_sided or (len(sides) == 1 and "both" not in sides)


DU = "Du, Tao & Martinez 2014, PNAS 111(15), Table 1 (unbracketed: more than 70 % of 230 people)"
GUIDE = "as listed by Ekman, Friesen & Hager 2002, FACS Investigator's Guide, Table 10-1"
TABLE_11 = "as listed by Ekman & Friesen 1978, FACS Table 11-1"
EMFACS = "EMFACS-style table, as listed by Wikipedia, Facial Action Coding System"
CK = "criteria of CK+, as listed by Lucey et al. 2010"
KELTNER = "as listed by Keltner, Sauter, Tracy & Cowen 2019, J. Nonverbal Behavior 43"
OVER_70 = 0.7  # Du et al. only say "more than 70 % of people" for these
PAIN = "Prkachin & Solomon 2008, Pain 139 (PSPI)"
DUCHENNE = "Ekman, Davidson & Friesen 1990, J. Pers. Soc. Psychol. 58"
MANUAL = "FACS Manual 2002, common combinations"
CONVERSATION = "Ekman 1979, About brows: emotional and conversational signals"
OWN = "reading of this project, in no published table"


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


def _combination(aus: str, name: str, phrases: tuple[str, ...], read_as: tuple[str, ...], source: str, *,
                 without: str = "", one_sided: bool = False) -> Combination:
    def names(numbers: str) -> frozenset[str]:
        return frozenset(f"AU{int(k):02d}" for k in numbers.split("+") if k)
    return Combination(names(aus), name, phrases, read_as, source, names(without), one_sided)


COMBINATIONS: tuple[Combination, ...] = (
    _combination("6+12", "cheek and mouth corner smile",
                 ("the cheeks take part in the smile", "cheeks and mouth corners rise together",
                  "the smile reaches the cheeks"), ("happiness", "amusement"), DUCHENNE),
    _combination("12", "mouth-only smile",
                 ("the smile stays in the mouth without help from the cheeks",
                  "the mouth smiles with no lift of the cheeks", "the mouth corners rise without help from the cheeks"),
                 ("happiness", "politeness", "greeting"), DUCHENNE, without="6"),
    _combination("6+12+25", "open smile",
                 ("the smile opens and the cheeks rise with it", "cheeks and mouth corners rise over parted lips"),
                 ("happiness", "laughter"), TABLE_11),
    _combination("12", "one-sided smile",
                 ("only one mouth corner rises", "the smile is drawn on one side only"),
                 ("contempt", "amusement", "irony"), EMFACS, one_sided=True),
    _combination("14", "one-sided dimple",
                 ("only one mouth corner is tucked in", "the mouth tightens at a single corner"),
                 ("contempt", "doubt", "irony"), CK, one_sided=True),
    _combination("12+14", "tightened smile",
                 ("the raised mouth corner is tucked in as well", "the smile is held back by a tucked mouth corner"),
                 ("contempt", "politeness", "embarrassment"), EMFACS),
    _combination("12+15", "braked smile",
                 ("the mouth corner is pulled up and down at the same time", "the smile is braked by a downward pull"),
                 ("embarrassment", "a smile held back"), "Keltner 1995, J. Pers. Soc. Psychol. 68"),
    _combination("12+17", "smile with raised chin",
                 ("the chin pushes up against the smile", "the smile is held back by the raised chin"),
                 ("a smile held back", "pride"), OWN),
    _combination("12+24", "pressed smile",
                 ("the lips stay pressed during the smile", "the smile is kept behind pressed lips"),
                 ("politeness", "a smile held back"), "Keltner 1995, J. Pers. Soc. Psychol. 68"),
    _combination("4+12", "smile under lowered brows",
                 ("the smile stands under lowered brows", "the brows go down while the mouth corners go up"),
                 ("a mixed look", "bright light", "effort"), OWN),
    _combination("1+2", "whole brow raised",
                 ("the whole brow goes up", "inner and outer brow rise as one",
                  "the brow is raised along its whole length"),
                 ("surprise", "interest", "emphasis in speech", "a question"), CONVERSATION, without="4"),
    _combination("1+2+5", "raised brows and wide eyes",
                 ("raised brows and raised upper lids open the eyes", "brows and upper lids go up together"),
                 ("surprise", "fear"), GUIDE),
    _combination("1+2+5+26", "raised brows, wide eyes, dropped jaw",
                 ("brows and lids go up while the jaw drops", "the face opens at the eyes and at the mouth"),
                 ("surprise",), GUIDE),
    _combination("1+4", "inner brows raised and drawn together",
                 ("the inner brows are raised and drawn together", "the brows slant up toward the middle"),
                 ("sadness", "worry", "concern"), CONVERSATION, without="2"),
    _combination("1+2+4", "raised and drawn together",
                 ("the brows are raised and drawn together at once", "the raised brows are pulled straight and inward"),
                 ("fear", "worry"), CK),
    _combination("1+4+15", "slanted brows and lowered mouth corners",
                 ("slanted brows meet lowered mouth corners", "the inner brows go up while the mouth corners go down"),
                 ("sadness",), GUIDE),
    _combination("1", "inner brow alone",
                 ("only the inner part of the brow rises", "the inner brow rises without the outer part"),
                 ("sadness", "concern", "a question"), OWN, without="2+4"),
    _combination("2", "outer brow on one side",
                 ("one outer brow is lifted alone", "a single outer brow goes up"),
                 ("doubt", "a question", "irony"), OWN, one_sided=True),
    _combination("5+20", "wide eyes and stretched mouth",
                 ("the eyes widen while the mouth stretches sideways", "wide eyes come with a sideways pull of the mouth"),
                 ("fear",), GUIDE),
    _combination("4+5", "stare under lowered brows",
                 ("the brows go down while the upper lids go up", "the eyes are opened against lowered brows"),
                 ("anger", "close attention"), GUIDE, without="1"),
    _combination("4+5+7", "lowered brows and hard eyes",
                 ("lowered brows meet lids that are raised and tight", "brow and both lids pull against each other"),
                 ("anger",), GUIDE),
    _combination("4+7", "lowered brows and tight lids",
                 ("the lowered brow and the tight lids narrow the eyes", "brow and lids close in on the eyes"),
                 ("anger", "concentration", "bright light"), DU, without="5"),
    _combination("4+7+24", "lowered brows, tight lids, pressed lips",
                 ("tight eyes above match pressed lips below", "brows and lids tighten and the lips press"),
                 ("anger", "effort"), DU),
    _combination("4", "lowered brows alone",
                 ("the brow is lowered without any tightening of the lids",
                  "the brow goes down with no movement of the lids"),
                 ("anger", "concentration", "bright light"), CONVERSATION, without="1+5+7+9"),
    _combination("23+24", "tight pressed lips",
                 ("the lips are tightened and pressed", "the mouth is closed with force"),
                 ("anger", "effort", "concentration"), CK),
    _combination("17+24", "pressed lips over a raised chin",
                 ("the chin pushes the pressed lips up", "lips and chin press against each other"),
                 ("anger", "resolve", "doubt"), GUIDE),
    _combination("15+17", "lowered corners over a raised chin",
                 ("the mouth corners go down while the chin goes up", "chin and mouth corners bend the lips into an arch"),
                 ("sadness", "disgust", "doubt"), MANUAL),
    _combination("6+15", "raised cheeks and lowered corners",
                 ("the cheeks rise while the mouth corners go down", "raised cheeks meet lowered mouth corners"),
                 ("sadness", "crying"), GUIDE),
    _combination("9+10", "nose and upper lip",
                 ("nose and upper lip are drawn up together", "the wrinkled nose takes the upper lip with it"),
                 ("disgust",), DU),
    _combination("9+17", "wrinkled nose and raised chin",
                 ("the nose wrinkles while the chin pushes up", "nose and chin close in on the mouth"),
                 ("disgust",), GUIDE),
    _combination("10+17", "raised upper lip and chin",
                 ("the upper lip goes up while the chin pushes the lower lip", "both lips are pushed upward"),
                 ("disgust",), GUIDE),
    _combination("10", "one-sided lip raise",
                 ("the upper lip is lifted on one side only", "one half of the upper lip goes up"),
                 ("contempt", "disgust"), OWN, one_sided=True),
    _combination("4+9", "lowered brow and wrinkled nose",
                 ("brow and nose are drawn toward each other",
                  "the lowered brow and the wrinkled nose crowd the inner eye"),
                 ("disgust", "anger", "pain"), DU),
    _combination("4+6+9+43", "squeezed face",
                 ("brow, cheeks and nose close in on shut eyes", "the whole upper face is squeezed shut"),
                 ("pain", "effort"), PAIN),
    _combination("20+25", "stretched open mouth",
                 ("the parted lips are stretched sideways", "the open mouth is pulled wide and flat"),
                 ("fear", "speech"), GUIDE),
    _combination("25+26", "open mouth",
                 ("lips and jaw open together", "the mouth hangs open"),
                 ("surprise", "speech", "breathing through the mouth"), OWN),
    _combination("25+27", "wide open mouth",
                 ("the mouth is opened as far as the jaw goes", "lips and jaw are opened wide"),
                 ("surprise", "fear", "a yawn", "a shout"), GUIDE),
    _combination("18+25", "rounded open lips",
                 ("the parted lips are rounded", "a small round opening is formed by the lips"),
                 ("speech", "a whistle"), OWN),
    _combination("22+25", "funneled open lips",
                 ("the parted lips turn outward", "the lips form an open funnel"),
                 ("speech", "anger"), GUIDE),
    _combination("6+12+43", "smile with closed eyes",
                 ("the eyes close over the smile", "cheeks and mouth corners rise under closed eyes"),
                 ("happiness", "laughter"), OWN),
    _combination("12+43", "soft smile with closed eyes",
                 ("the mouth smiles under closed eyes", "the eyes close while the mouth corners rise"),
                 ("contentment", "rest"), KELTNER, without="6"),
    _combination("6+7+12", "smile that narrows the eyes",
                 ("cheeks and lids narrow the eyes during the smile", "the smile narrows the eyes"),
                 ("happiness", "laughter", "bright light"), KELTNER),
    _combination("1+2+12", "smile under raised brows",
                 ("raised brows come with the smile", "brows and mouth corners go up together"),
                 ("happiness", "surprise", "interest", "greeting"), KELTNER),
)
