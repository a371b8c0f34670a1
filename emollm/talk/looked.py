"""What a look-up finds: facts for the language model, and the plain way to say them."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

from emollm.talk.words import say


@dataclass
class Looked:
    """facts: short lines that the model is given. says: sentences as patterns (words.say), whose first alternatives are the
    plain answer. whole: the plain answer is one piece of text that must not be changed (JSON, a table)."""

    facts: list[str]
    says: list[str] = field(default_factory=list)
    whole: bool = False

    def answer(self, rng: random.Random | None = None) -> str:
        """The answer in words: the plain one, or one drawn from the alternatives."""
        if self.whole:
            return self.says[0]
        said = " ".join(say(rng, pattern) for pattern in self.says)
        return re.sub(r"(?:^|(?<=[.!?] ))[a-z]", lambda m: m[0].upper(), said)

    def text(self) -> str:
        return "\n".join(self.facts)
