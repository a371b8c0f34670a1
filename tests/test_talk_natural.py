"""Questions as people type them, as training material of the talker."""

import random
from pathlib import Path

import pytest

from data_engine.talk.build import held_out_questions
from data_engine.talk.natural import FOLDER, draw_natural, natural_questions, natural_rows
from emollm.talk.dialogue import Exchange
from emollm.talk.hearing.finer import coarser
from emollm.talk.talker import hold_to_words
from emollm.talk.terms.call import CALLS, parse

UNLEARNT = Path(__file__).parent / "talk_unlearnt.tsv"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.tsv")), ids=lambda p: p.stem)
def test_every_line_has_a_question_and_a_call_that_reads_back(path):
    for line in path.read_text(encoding="utf-8").splitlines():
        before, text, call = line.split("\t")
        assert text.strip() == text != "" and str(parse(call)) == call
        assert before == "-" or str(parse(before)) == before


def test_every_kind_of_call_is_asked_for_and_none_too_often():
    calls = [str(one.call) for held in (False, True) for one in natural_questions(held)]
    assert {call.split()[0] for call in calls} == set(CALLS)
    assert max(map(calls.count, set(calls))) < len(calls) / 20


def test_what_is_held_out_is_not_learnt():
    learnt, held = ({one.text for one in natural_questions(held)} for held in (False, True))
    assert not learnt & held and len(held) > len(learnt) / 15
    rng = random.Random(0)
    asked = {text for row in natural_rows(rng, 1, 4) for text, _ in row}
    assert asked <= learnt and len(asked) > 0.97 * len(learnt)
    assert all(text in held for _ in range(200) for text, _ in draw_natural(rng, held=True))


def test_a_later_question_stands_behind_one_that_it_follows_on():
    later = {one.text: one.before for one in natural_questions() if one.before}
    rng = random.Random(1)
    pairs = [row for row in (draw_natural(rng) for _ in range(300)) if len(row) == 2]
    assert len(pairs) > 30
    for (_, call), (text, _) in pairs:
        assert later[text] == str(call) or text in {one.text for one in natural_questions() if one.before == str(call)}


def test_two_writers_are_kept_from_what_is_learnt():
    rows = [line.split("\t") for line in UNLEARNT.read_text(encoding="utf-8").splitlines()]
    known = {one.text.lower() for held in (False, True) for one in natural_questions(held)}
    assert len(rows) > 1300 and not {text.lower() for _, text, _ in rows} & known
    for before, _, calls in rows:
        assert all(str(parse(call)) == call for call in calls.split(" || ")) and before in ("-", str(parse(before)))


def test_lines_for_an_evaluation():
    lines = held_out_questions(0, 0, 0, 0, natural=40)
    assert len(lines) >= 40 and not lines[0].startswith(">")
    assert all(str(parse(call := line.removeprefix("> ").split("\t")[0])) == call for line in lines)


def test_a_call_that_was_heard_right_is_not_overruled_by_words():
    asked = [one for held in (False, True) for one in natural_questions(held)][::7]
    before = [[Exchange("", one.before)] if one.before else [] for one in asked]
    changed = [one.text for one, said in zip(asked, before, strict=True)
               if coarser(hold_to_words(str(one.call), one.text, said)) != coarser(one.call)]
    assert len(changed) < 0.025 * len(asked), changed
