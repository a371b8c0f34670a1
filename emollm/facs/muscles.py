"""Muscles of the face as people name them, and the action units that each makes by contracting.

After Ekman, Friesen & Hager, FACS Manual, 2002, as `units.ACTION_UNITS` has them: a muscle that a unit relaxes (the levator of
the upper lid in closing eyes) does not make it, except where its being relaxed is the movement (masseter in AU26).
"""

from __future__ import annotations

import difflib
import re

# A longer name stands before a shorter one that it holds. The parts of a muscle are meant together unless one is named.
_NAMES = (
    (r"levator labii superioris alaeque nasi|alaeque nasi|llsan", "AU09"),
    (r"levator labii(?: superioris)?", "AU10"),
    (r"levator palpebrae(?: superioris)?", "AU05"),
    (r"orbicularis oculi\W+(?:pars |the )?orbital\w*(?: part)?|orbital\w* (?:part )?of (?:the )?orbicularis oculi", "AU06"),
    (r"orbicularis oculi\W+(?:pars |the )?palpebral\w*(?: part)?|palpebral\w* (?:part )?of (?:the )?orbicularis oculi", "AU07"),
    (r"orbicularis oculi", "AU06/AU07"),
    (r"orbicularis oris", "AU22/AU23/AU24/AU28"),
    (r"frontalis\W+(?:pars )?(?:medial\w*|inner)|(?:medial|inner) (?:part of (?:the )?)?frontalis", "AU01"),
    (r"frontalis\W+(?:pars )?(?:lateral\w*|outer)|(?:lateral|outer) (?:part of (?:the )?)?frontalis", "AU02"),
    (r"frontalis", "AU01/AU02"),
    (r"corrugator(?: supercilii)?|depressor supercilii|procerus", "AU04"),
    (r"zygomaticus minor", "AU11"),
    (r"zygomatic(?:us)?(?: major)?\b(?! (?:bone|arch))", "AU12"),
    (r"buccinator", "AU14"),
    (r"depressor anguli(?: oris)?|triangularis", "AU15"),
    (r"depressor labii(?: inferioris)?", "AU25"),
    (r"mentalis", "AU17"),
    (r"incisivii? labii|incisiv\w+", "AU18"),
    (r"risorius|platysma", "AU20"),
    (r"masseter|temporalis|internal pterygoids?", "AU26"),
    (r"pterygoids?|digastric", "AU27"),
)
_MUSCLES = tuple((re.compile(rf"\b(?:{name})"), tuple(units.split("/"))) for name, units in _NAMES)
_WORDS = ("zygomaticus", "orbicularis", "oculi", "corrugator", "frontalis", "buccinator", "mentalis", "risorius", "platysma",
          "masseter", "procerus", "levator", "palpebrae", "supercilii", "superioris", "inferioris", "depressor", "temporalis",
          "triangularis")


def units_of_muscles(text: str) -> tuple[tuple[str, ...], ...]:
    """The units of every muscle that a text of small letters names, a set a muscle; also of a mistyped one."""
    text, muscles = re.sub(r"[a-z]{6,}", _correct_spelling, re.sub(r"\bmentalists?\b", " ", text)), {}
    for name, units in _MUSCLES:
        text, times = name.subn(" ", text)
        if times:
            muscles[units] = None
    return tuple(muscles)


def _correct_spelling(word: re.Match) -> str:
    return next(iter(difflib.get_close_matches(word[0], _WORDS, 1, 0.9)), word[0])
