"""Grounded decoding's grammar: what an answer's observation lines may say of one face.

A line may only be one that `prompt.observe` would write for this face, with any of the unit's looks. A question for reasons
gets every line (of up to EVERY), interpretation and conclusion; any other may be answered with some lines alone or a
conclusion alone.
"""

from __future__ import annotations

import dataclasses
import json
import re

from emollm.answer import prompt
from emollm.facs.units import ACTION_UNITS

EVERY = 8  # lines; more and the prose after them would run out of room (prompt.ANSWER_TOKENS)
REASONS = re.compile(r"\b(why|how come|explain\w*|explanation|reason\w*|what makes|justify)\b", re.IGNORECASE)
SHORT = re.compile(r"\b(one|single) (line|sentence|word)\b|\bbrief\w*|\bshort\w*", re.IGNORECASE)


def asks_for_reasons(question: str) -> bool:
    """Whether a question is for an explanation, and not for a short one."""
    return bool(REASONS.search(question)) and not SHORT.search(question)


class Grammar:
    """Which text may follow in the observation part of one answer; as_ebnf() is the same language for vLLM."""

    def __init__(self, observations: list[prompt.Observation],
                 question: str | list[str] | list[prompt.Message] = prompt.DEFAULT_QUESTION):
        last = question if isinstance(question, str) else question[-1]
        asked = last.text if isinstance(last, prompt.Message) else last
        self.whole = asks_for_reasons(asked)  # no part may be left out
        self.every = self.whole and len(observations) <= EVERY  # nor any line
        self.lines = [[prompt.render_observation(dataclasses.replace(o, look=look)) for look in ACTION_UNITS[o.au].look]
                      for o in observations]

    def continuations(self, text: str) -> list[str] | None:
        """Strings that may come next after `text`; None once the observations are over."""
        written, _, line = text.rpartition("\n")
        if any(line.startswith(part) or f"\n{part}" in text for part in (prompt.INTERPRETATION, prompt.CONCLUSION)):
            return None
        done = written.split("\n") if written else []
        following = self._position(done[-1]) + 1 if done and done[-1] != prompt.NOTHING else 0
        ahead = self.lines[following:following + 1] if self.every else self.lines[following:]
        lines = [choice for choices in ahead for choice in choices]
        if not self.lines and not done:
            lines.append(prompt.NOTHING)
        may_interpret = bool(done) and not (self.every and ahead)
        allowed = [f"{choice}\n" for choice in lines]
        allowed += [prompt.INTERPRETATION] if may_interpret else []
        allowed += [] if self.whole else [prompt.CONCLUSION]
        return [choice[len(line):] for choice in allowed if choice.startswith(line)]

    def may_end(self, text: str) -> bool:
        """Whether the answer may stop after `text`, which is still among the observations."""
        return not self.whole and "\n" in (self.continuations(text) or ())

    def _position(self, line: str) -> int:
        return next(k for k, choices in enumerate(self.lines) if line in choices)

    def as_ebnf(self) -> str:
        """The grammar in xgrammar's EBNF: any of the lines (all of them, for reasons), in order, at least one; then the free
        parts or nothing."""
        def either(choices: list[str]) -> str:
            return " | ".join(json.dumps(choice, ensure_ascii=False) for choice in choices)

        rules = [f"line{k} ::= {either(choices)}" for k, choices in enumerate(self.lines)]
        for k in range(len(self.lines)):
            last = k + 1 == len(self.lines)
            if self.every:
                rules.append(f"from{k} ::= line{k} " + ("end" if last else f'"\\n" from{k + 1}'))
            else:
                more, skip = ("", "") if last else (f' | "\\n" from{k + 1}', f" | from{k + 1}")
                rules.append(f"from{k} ::= line{k} (end{more}){skip}")
        lines = "from0" if self.lines else f"{either([prompt.NOTHING])} end"
        parts, nothing = [prompt.INTERPRETATION], ""
        if not self.whole:
            parts, nothing, lines = [*parts, prompt.CONCLUSION], ' | ""', f"{lines} | {either([prompt.CONCLUSION])} free"
        # No special token can be written: all of them have a "<", which no answer needs.
        return "\n".join([f"root ::= {lines}", f'end ::= "\\n" ({either(parts)}) free{nothing}', "free ::= [^<]*", *rules])
