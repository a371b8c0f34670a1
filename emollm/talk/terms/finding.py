"""What a look-up finds: facts for the language model, and the plain way to say them."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

from emollm.talk.terms.words import say

_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")


def words_of(text: str) -> set[str]:
    """The words of a text, in small letters; codes such as AU12 and numbers are none."""
    return set(_WORD.findall(re.sub(r"\bau\d+\b", " ", text.lower())))


@dataclass
class Finding:
    """facts: short lines that the model is given. says: sentences as patterns (words.say), whose first alternatives are the
    plain answer. whole: the plain answer is one piece of text that must not be changed (JSON, a table). fixed: it is said in
    one of its own wordings and never worded anew: knowledge with its source, refusals and small talk, where no measurement
    could tell a slip of the model."""

    facts: list[str]
    says: list[str] = field(default_factory=list)
    whole: bool = False
    fixed: bool = False

    @property
    def is_verbatim(self) -> bool:
        """Whether the answer is given as it was looked up, and not worded by the model."""
        return self.whole or self.fixed

    def vocabulary(self) -> set[str]:
        """Words, in small letters, of the facts and of every wording of the answer."""
        return words_of("\n".join([*self.facts, *self.says]))

    def answer(self, rng: random.Random | None = None) -> str:
        """The answer in words: the plain one, or one drawn from the alternatives."""
        if self.whole:
            return self.says[0]
        text = " ".join(say(rng, pattern) for pattern in self.says)
        return re.sub(r"(?:^|(?<=[.!?] ))[a-z]", lambda m: m[0].upper(), text)

    def text(self) -> str:
        return "\n".join(self.facts)
