"""The rule writer says only what the observations say, never leaks the label, and does not repeat itself."""

import random
import re
from collections import Counter

import pytest

from data_engine import draft
from data_engine.questions import QUESTIONS
from emollm.answer.clauses import clauses
from emollm.answer.mentions import mentions
from emollm.answer.prompt import Observation, parse, render
from emollm.facs.readings import relation
from emollm.facs.tables import COMBINATIONS, VARIANTS
from emollm.facs.units import ACTION_UNITS
from emollm.schema import AU_NAMES, LABELS
from emollm.talk.words import PARTS, noun

FEELING = re.compile(r"\b(feel\w*|is (angry|happy|sad|afraid)|he|she|his|her|person's)\b", re.IGNORECASE)


def face(rng, label=None):
    """A realistic set of observations: one listing of a label, members left out and strays added."""
    label = label or rng.choice(LABELS)
    listing = rng.choice([v for v in VARIANTS if v.label == label]).aus
    present = {au for au, share in listing.items() if rng.random() < (share or 0.85)}
    present |= {au for au in AU_NAMES if rng.random() < 0.05}
    clip = rng.random() < 0.3
    return label, [_observation(au, rng, clip) for au in sorted(present)]


def _observation(au, rng, clip):
    onset = round(rng.uniform(0, 3), 1)
    interval = (onset, round(onset + rng.uniform(0.2, 3), 1)) if clip else None
    side = rng.choices(("both", "left", "right"), (8, 1, 1))[0]
    return Observation(au, side, round(rng.uniform(1.3, 4.9), 1), interval, rng.choice(ACTION_UNITS[au].look))


def simple(*aus, side="both", intensity=3.0):
    return [Observation(au, side, intensity, None, ACTION_UNITS[au].look[0]) for au in aus]


@pytest.fixture(scope="module")
def records():
    """5,000 drafted answers: label, observations, interpretation, conclusion."""
    rng = random.Random(1)
    made = []
    for _ in range(5000):
        label, observations = face(rng)
        made.append((label, observations, draft.interpretation(observations, rng), draft.conclusion(label, observations, rng)))
    return made


def test_at_most_two_percent_share_their_text(records):
    texts = Counter(re.sub(r"\d", "#", render(o, i, label, c)) for label, o, i, c in records)
    assert sum(n for n in texts.values() if n > 1) <= 0.02 * len(records)


def test_prose_alone_hardly_repeats(records):
    """The variety must come from the prose too, not only from the looks."""
    texts = Counter(re.sub(r"\d", "#", i + c) for _, _, i, c in records)
    assert sum(n for n in texts.values() if n > 1) <= 0.02 * len(records)


def test_interpretation_never_gives_the_label_away(records):
    assert not [i for *_, i, _ in records if draft.LEAK.search(i)]


@pytest.mark.parametrize("word", ["Anger", "angry", "sadness", "sadly", "happy", "neutral", "surprised", "fearful",
                                  "disgusted", "contemptuous", "afraid"])
def test_leak_pattern_knows_the_relatives_of_the_labels(word):
    assert draft.LEAK.search(f"the {word} face")


def test_no_inner_state_is_asserted(records):
    assert not [t for *_, i, c in records for t in (i, c) if FEELING.search(t)]


def test_text_is_clean_and_survives_the_round_trip(records):
    for label, observations, i, c in records:
        assert not re.search(r"[\[\]{}|\n]|  | [.,;]|\.\.", i + " " + c)
        assert i[0].isupper() and c[0].isupper() and i.endswith(".") and c.endswith(".")
        answer = parse(render(observations, i, label, c))
        assert not answer.problems
        assert (answer.label, answer.interpretation, answer.conclusion) == (label, i, c)


def test_every_cited_code_was_observed(records):
    for _, observations, i, c in records:
        assert set(re.findall(r"AU\d\d", i + c)) <= {o.au for o in observations}


ADJECTIVES = {(p.adjective, noun): {au for au, q in PARTS.items()
                                    if q.adjective == p.adjective and noun in (q.many, q.one)}
              for p in PARTS.values() for noun in (p.many, p.one) if noun}


def test_every_movement_named_in_words_was_observed(records):
    """"the raised left cheek" needs AU06; sentences that deny a movement are left out here."""
    named = re.compile(r"\b(" + "|".join(sorted({a for a, _ in ADJECTIVES})) + r") (?:left |right )?("
                       + "|".join(sorted({n for _, n in ADJECTIVES}, key=len, reverse=True)) + r")\b")
    # The phrases of combinations speak of several movements at once and have their own test.
    whole = re.compile("|".join(re.escape(p) for c in COMBINATIONS for p in c.phrases), re.IGNORECASE)
    checked = 0
    for _, observations, i, c in records:
        present = {o.au for o in observations}
        for adjective, part in named.findall(whole.sub("", i) + " " + c):
            if allowed := ADJECTIVES.get((adjective, part)):
                assert allowed & present, (adjective, part, i, c)
                checked += 1
    assert checked > 5000


@pytest.mark.parametrize("movements, words", draft.ABSENCES, ids=[words for _, words in draft.ABSENCES])
def test_absence_is_claimed_only_when_true(records, movements, words):
    claimed = [o for _, o, i, _ in records if words in i]
    assert claimed
    assert not [o for o in claimed if movements & {x.au for x in o}]
    denied = re.compile(rf"\b(no|without)( clear| strong)? {words}", re.IGNORECASE)
    assert all(denied.search(i) for *_, i, _ in records if words in i)


def test_combinations_hold_where_they_are_used(records):
    used = 0
    for _, observations, i, _ in records:
        for c in COMBINATIONS:
            if any(phrase in i.lower() for phrase in c.phrases):
                same = [d for d in COMBINATIONS if any(p in i.lower() for p in d.phrases)]
                assert any(d in same for d in draft.matching(observations))
                used += 1
    assert used > 1000


def test_matching_respects_sides_and_missing_movements():
    names = {c.name for c in draft.matching(simple("AU06", "AU12"))}
    assert "cheek and mouth corner smile" in names and "mouth-only smile" not in names
    assert {c.name for c in draft.matching(simple("AU12", side="left"))} == {"one-sided smile"}
    assert draft.matching([]) == []


def test_missing_movement_is_really_missing():
    """A cheek raised on one side breaks the two-sided smile, yet the smile is not one without the cheeks."""
    uneven = [*simple("AU06", side="left"), *simple("AU12")]
    assert not [c for c in draft.matching(uneven) if "AU12" in c.aus]
    assert "stare under lowered brows" not in {c.name for c in draft.matching(simple("AU01", "AU04", "AU05"))}


def test_length(records):
    mean = [sum(len(t.split()) for t in texts) / len(records) for texts in zip(*[r[2:] for r in records], strict=True)]
    assert 30 <= mean[0] <= 55
    assert 8 <= mean[1] <= 20
    assert all(1 <= len(re.findall(r"\.(?: |$)", i)) <= 5 for *_, i, _ in records)
    assert all(len(re.findall(r"\.(?: |$)", c)) == 1 for *_, c in records)


def test_vocabulary_is_small_enough_for_a_small_model(records):
    words = {w for label, o, i, c in records for w in re.findall(r"[a-z]+", render(o, i, label, c).lower())}
    assert 300 < len(words) < 1500


def test_conclusion_cites_support(records):
    for label, observations, _, c in records:
        support = [o for o in observations if relation(label, o.au) == "for"]
        cites = any(o.au in c or noun(o.au, o.side, PARTS[o.au].adjective)[0] in c for o in support)
        overall = re.search(r"overall look|whole look|no .*movement|without .*movement|at rest|still face|lack of", c)
        assert cites if support else overall, (label, observations, c)


def test_evidence_against_the_label_is_mentioned():
    rng = random.Random(3)
    for _ in range(200):
        text = draft.conclusion("anger", simple("AU04", "AU12", "AU24"), rng)
        assert "AU12" in text or "raised mouth corners" in text


def test_same_seed_same_text():
    observations = simple("AU01", "AU04", "AU15")
    assert draft.interpretation(observations, random.Random(5)) == draft.interpretation(observations, random.Random(5))


def test_every_action_unit_can_be_spoken_of():
    rng = random.Random(2)
    assert set(PARTS) == set(AU_NAMES)
    for au in AU_NAMES:
        for side in ("both", "left", "right"):
            assert draft.interpretation(simple(au, side=side), rng)
            assert draft.conclusion("neutral", simple(au, side=side), rng)
    everything = simple(*AU_NAMES)
    assert draft.interpretation(everything, rng) and draft.conclusion("fear", everything, rng)


def test_timing_follows_the_onsets():
    first, second = simple("AU01", "AU12")
    first.interval, second.interval = (1.5, 3.0), (0.2, 2.0)
    said = {draft._timing([first, second], random.Random(k)) for k in range(60)}
    smile = "(AU12|the raised mouth corners)"
    early = re.compile(rf"^{smile}[^.]* first|(after|later than|opens with|starts with) {smile}", re.IGNORECASE)
    assert said and all(early.search(s) for s in said), said


def test_no_movement_is_called_first_when_two_are():
    observations = simple("AU01", "AU04", "AU12")
    for o, onset in zip(observations, (0.2, 0.2, 1.5), strict=True):
        o.interval = (onset, 3.0)
    said = [draft._timing(observations, random.Random(k)) for k in range(60)]
    assert all(re.search("after|later than", s) for s in said), said


def test_questions_are_enough_and_name_no_label():
    assert len(set(QUESTIONS["explain"])) >= 40
    assert len(set(QUESTIONS["movement"])) >= 15
    assert len(set(QUESTIONS["label"])) >= 15
    every = [q for questions in QUESTIONS.values() for q in questions]
    assert len(set(every)) == len(every)
    assert not [q for q in every if draft.LEAK.search(q)]


def test_verifier_reads_every_cited_code_as_present(records):
    """A denial just before a code ("no cheek lift (AU12)") must not be checked as a claim that AU12 is absent."""
    for _, _, i, c in records[:500]:
        for clause in clauses(f"{i}\n{c}"):
            for mention in mentions(clause):
                assert not (mention.denied and clause.text[mention.start:mention.end].startswith("au")), clause.text
