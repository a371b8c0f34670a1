"""What the eight labels are called in other people's tables: adjectives, other nouns, and the abbreviations of data sets.

Words for something else (confusion, pain, calm, boredom) are no spellings of a label, and neither are numbers: they mean
another label in every data set.
"""

from __future__ import annotations

import difflib

from emollm.schema import LABELS, InputError

SPELLINGS = {
    "neutral": ("neutrality", "no emotion", "neutral face", "neu"),
    "happiness": ("happy", "joy", "joyful", "enjoyment", "hap"),
    "sadness": ("sad",),
    "surprise": ("surprised", "sur"),
    "fear": ("fearful", "afraid", "scared", "fea"),
    "disgust": ("disgusted", "dis"),
    "anger": ("angry", "angered", "ang"),
    "contempt": ("contemptuous", "con"),
}
_LABEL = {word: label for label, others in SPELLINGS.items() for word in (label, *others)}


def label_of(word: str) -> str | None:
    """The label that a word stands for: "Angry" is anger; None for another word."""
    return _LABEL.get(" ".join(word.lower().replace("_", " ").split()))


def check_label(word: str, place: str) -> str:
    """The same for a word that must be a label. Raises InputError naming the place."""
    if label := label_of(word):
        return label
    if not word:
        raise InputError(f"{place}: the column 'label' is empty. Fill it or remove the row.")
    near = difflib.get_close_matches(word.lower(), list(_LABEL), 1)
    meant = f" (did you mean '{near[0]}'?)" if near else ""
    number = " Numbers mean another label in every data set: write the word." if word.strip("-.").isdecimal() else ""
    raise InputError(f"{place}: unknown label '{word[:40]}'{meant}. Use one of {', '.join(LABELS)}.{number}")
