"""Judge of what else a clause says the movements may come from: is that in a table for one of them?"""

from __future__ import annotations

import re

from emollm.answer.facts import RIGHT, Facts
from emollm.answer.lexicon import CAUSE, strip_article
from emollm.answer.mention import Mention
from emollm.answer.statement import Passage, Statement
from emollm.explanation import READ_TWICE
from emollm.facs.tables import COMBINATIONS, OTHER_READINGS

_MAY = re.compile(
    r"\b(?:can|could|may|might|comes? from|goes? with|another reading|second reading|plain reading|other "
    r"reading|one reading|read as|explains?|causes?|belongs? to|due to|typical of|seen in|common in|a sign of|"
    r"cause)\b"
)


def cause(p: Passage, facts: Facts) -> list[Statement]:
    """ "The lowered brows may come from concentration": is that in a table for one of these movements?"""
    if not p.clause.stated or not _MAY.search(p.text):
        return []
    named = list(CAUSE.finditer(p.clause.raw))
    told = p.before if re.match(r"\W*(?:which|this|it|that)\b", p.text) else []
    group = [m for m in p.mentions or told if not m.denied] or [Mention(0, 0, (au,)) for au in facts.present_units()]
    units = {au for m in group for au in m.units}
    stated = tuple(sorted(units)) if any(m.end for m in group) else ()
    statements = []
    for match in named:
        known, again = _is_listed_cause(match[0], units), any(m[0] == match[0] for m in named if m.start() < match.start())
        statements.append(
            p.make(
                "cause",
                RIGHT if known else ("unsure", "no table lists it for these movements"),
                match.span(),
                units=stated,
                label="",
                fault=READ_TWICE if again else "",
            )
        )
    return statements


def _is_listed_cause(words: str, units: set[str]) -> bool:
    alone = any(words == strip_article(r) for au in units if au in OTHER_READINGS for r in OTHER_READINGS[au])
    return alone or any(words == strip_article(r) and c.aus & units for c in COMBINATIONS for r in c.commonly_read_as)
