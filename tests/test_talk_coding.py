"""What coders ask: own codes beside the measurement, figures over a clip, how sure one unit is, the nth time, a least level."""

import dataclasses

import numpy as np
import pytest
from test_talk_time import FROWNS, PHOTO, SMILES, clip, said

from emollm.evidence import parse_facs
from emollm.schema import au_index
from emollm.talk.check import find_faults
from emollm.talk.dialogue import Exchange
from emollm.talk.lookups.lookup import look_up
from emollm.talk.lookups.timing import settle_moment
from emollm.talk.shapes import Shape, reshape, shape_in
from emollm.talk.talker import Reply, advance, hold_to_words, steps
from emollm.talk.terms.call import UNCLEAR, parse
from emollm.talk.terms.face import Face

WORRIED = Face(parse_facs("1C+4D+15B"), [])
UNSEEN = Face(dataclasses.replace(WORRIED.series, measured=np.arange(24) != au_index("AU06")), [])
WEAK = clip({"AU12": [(1.0, 3.0, 3.2)], "AU09": [(1.0, 3.0, 0.8)]})


def lopsided(lead: float) -> Face:
    """A smile whose left corner is up `lead` seconds before the right one."""
    face = clip({"AU12": [(2.0, 6.0, 3.0)]})
    face.series.intensity[(face.series.times < 2.0 + lead - 1e-6), au_index("AU12"), 1] = 0.0
    return Face(face.series, face.events)


@pytest.mark.parametrize(("call", "face", "answer"), [
    ("agree AU01 AU04 AU15", WORRIED, "All 3 that you coded are measured here: AU01 (3.0), AU04 (4.0) and AU15 (2.0). Nothing "
     "else "
     "is measured as there. Index of agreement (Wexler 1972; twice the shared units by all of both): 6 of 6."),
    ("agree AU01 AU12", WORRIED, "1 of the 2 that you coded is measured here: AU01 (3.0). There is no AU12. Measured here and "
     "not "
     "among yours: AU04 (4.0) and AU15 (2.0). Index of agreement (Wexler 1972; twice the shared units by all of both): 2 of "
     "5."),
    ("agree AU12 AU20", WORRIED, "None of the 2 that you coded are measured here. There is no AU12 or AU20. Measured here and "
     "not "
     "among yours: AU04 (4.0), AU01 (3.0) and AU15 (2.0). Index of agreement (Wexler 1972; twice the shared units by all of "
     "both): 0 of 5."),
    ("agree AU12", WORRIED, "Not agreed: there is no AU12. Measured here and not among yours: AU04 (4.0), AU01 (3.0) and "
                            "AU15 (2.0)."),
    ("agree AU04 AU06", UNSEEN, "1 of the 2 that you coded is measured here: AU04 (4.0). The cheek raiser (AU06) was not "
     "measured. Measured here and not among yours: AU01 (3.0) and AU15 (2.0). Index of agreement (Wexler 1972; twice the "
     "shared "
     "units by all of both): 2 of 4."),
    ("agree AU04=2 AU01=3", WORRIED, "All 2 that you coded are measured here: AU04 (4.0) and AU01 (3.0). AU04: you have it at "
     "2 (B), here it is 4.0 (D), 2.0 above yours. AU01: you have it at 3 (C), here it is 3.0 (C), alike. Measured here and not "
     "among yours: AU15 (2.0). Index of agreement (Wexler 1972; twice the shared units by all of both): 4 of 5."),
    ("agree AU12=0 AU04=0", WORRIED, "You have no AU12, and there is none. You have no AU04, but it is measured here: the "
     "brows are lowered (AU04, 4.0 pronounced). Measured here and not among yours: AU01 (3.0) and AU15 (2.0)."),
    ("agree AU01 left", WORRIED, "Yes, agreed: AU01 (3.0) is measured here. AU01: it is on both sides, other than you have it. "
     "Measured here and not among yours: AU04 (4.0) and AU15 (2.0)."),
    ("agree AU06=0", UNSEEN, "You have no AU06; here it was not measured. Measured here and not among yours: AU04 (4.0), AU01 "
     "(3.0) and AU15 (2.0)."),
    ("fits neutral", WORRIED, "No table lists a movement for neutral; what moves speaks against it: AU04 brow lowerer (4.0), "
     "AU01 inner brow raiser (3.0) and AU15 lip corner depressor (2.0)."),
    ("fits sadness", WORRIED, "Of what is listed for sadness, there: AU15 lip corner depressor (2.0), AU01 inner brow raiser "
     "(3.0) and AU04 brow lowerer (4.0). Missing: there is no AU06 cheek raiser, AU11 nasolabial deepener or AU17 chin raiser. "
     "The nearest listing is 1+4+15 (as listed by Ekman, Friesen & Hager 2002, FACS Investigator's Guide, Table 10-1): 3 of "
     "its 3."),
    ("regions", WORRIED, "The brows move most. At the brows: the brows are lowered (AU04, 4.0 pronounced) and 1 more; at the "
     "mouth: the mouth corners are lowered (AU15, 2.0 slight). Nothing is clear at the eyes and nose."),
    ("regions", PHOTO, "The mouth moves most. At the mouth: the mouth corners are raised (AU12, 4.0 pronounced); at the eyes: "
     "the cheeks are raised (AU06, 3.0 marked). Nothing is clear at the brows and nose."),
    ("tell caption", PHOTO, "A face with raised mouth corners and raised cheeks; it is commonly read as happiness."),
    ("recording", PHOTO, "This is a photo: one picture, without frames, length or cuts."),
    ("average AU12", WEAK, "AU12 over 101 of 101 frames: mean 0.67, median 0.00, standard deviation 1.30, highest 3.2; it is "
     "there "
                           "for 20 % of the clip."),
    ("average AU06", PHOTO, "A photo has one value, no mean: AU06 is at 3.0."),
    ("when AU04 first", FROWNS, "The first of 2 times: the brows are lowered (AU04) from 3.7 s to 5.5 s."),
    ("when AU04 second", FROWNS, "The second of 2 times, which is the last: the brows are lowered (AU04) from 7.7 s to 9.0 s."),
    ("when AU04 last", FROWNS, "The last of 2 times: the brows are lowered (AU04) from 7.7 s to 9.0 s."),
    ("when AU04 third", FROWNS, "There is no third time: the brows are lowered (AU04) 2 times only, from 3.7 s to 5.5 s and "
     "from "
                                "7.7 s to 9.0 s."),
    ("when AU12 last", FROWNS, "The mouth corners are raised (AU12) once only, from 0.5 s to 1.5 s."),
    ("when AU09 last", FROWNS, "In fact the nose is not wrinkled (AU09)."),
    ("side AU12 first", lopsided(0.5), "The left side comes first (left from 2.0 s, right from 2.5 s): the left mouth corner "
     "is "
                                       "raised (AU12, 3.0 marked, at 2.0 s)."),
    ("side AU12 first", lopsided(0.0), "Both sides come up together (left from 2.0 s, right from 2.0 s): the mouth corners are "
                                       "raised (AU12, 3.0 marked, at 2.0 s)."),
    ("movements 3+", WORRIED, "At 3 (C) or more: the brows are lowered (AU04, 4.0 pronounced); the inner brows are raised "
                              "(AU01, 3.0 marked). Weaker: AU15 (2.0)."),
    ("movements 4.5+", WORRIED, "None reaches 4.5. Weaker: AU04 (4.0), AU01 (3.0) and AU15 (2.0)."),
    ("sure AU12", WEAK, "Clear: the mouth corners are raised (AU12, 3.2); it counts as there from 1.25; how well it could be "
     "measured, 90 of 100 (median frame). Between pictures of one face that differ only in light, size or tilt a level moves "
     "by "
     "up to 0.5; the second figure falls with pose, size and blur."),
])
def test_what_is_said(call, face, answer):
    assert said(call, face) == answer


@pytest.mark.parametrize(("call", "face", "opening"), [
    ("sure AU09", WEAK, "Undecided: whether the nose is wrinkled (AU09, 0.8)"),
    ("sure AU06", UNSEEN, "The cheek raiser (AU06) was not measured here."),
    ("sure AU04", SMILES, "Absent: the brows are not lowered"),
])
def test_a_unit_that_is_not_there_is_said_to_be_so(call, face, opening):
    assert said(call, face).startswith(opening)


@pytest.mark.parametrize("face", [WORRIED, UNSEEN, WEAK, FROWNS, SMILES, PHOTO], ids=lambda face: face.gist)
@pytest.mark.parametrize("written", ["agree AU04 AU12", "agree AU09", "agree AU04=2 AU12=0", "agree anger",
                                     "fits anger", "fits neutral", "regions", "tell caption", "average AU12", "sure AU12 AU04",
                                     "when AU12 last",
                                     "side AU12 first", "movements 2+", "at AU12 AU04 peak", "topic posed", "topic licence",
                                     "topic pictures", "topic program"])
def test_what_is_said_is_borne_out_by_the_measurement(written, face):
    call = settle_moment(face, parse(written), UNCLEAR)
    looked = look_up(call, face)
    assert find_faults(looked.answer(), looked, call, face) == []


def test_another_movement_at_the_peak_of_one():
    face = clip({"AU12": [(1.0, 3.0, 3.2)], "AU06": [(0.5, 1.4, 2.0)]})
    first, second = (said(str(settle_moment(face, parse(call), UNCLEAR)), face)
                     for call in ("at AU06 AU12 peak", "at AU12 AU06 peak"))
    assert first == "At 0.5 s the mouth corners are not raised (AU12, 0.0)."
    assert second.startswith("At 1.0 s the cheeks are raised (AU06, 2.0")


@pytest.mark.parametrize(("question", "call"), [
    ("and the time after that, the last of them?", "when AU12 last"), ("how certain is the frown?", "sure AU04"),
    ("which eye is first in that wink", "side AU43/AU45 first"), ("I have 4 and 7, you too?", "agree AU04 AU07"),
    ("drop all below C", "movements 3+"), ("how are the cheeks while she smiles most", "at AU12 AU06 peak"),
    ("how should I light a face for this", "topic pictures"), ("rather sad or angry, this one?", "other sadness/anger"),
    ("Is AU12 there in the first picture?", "au AU12->there AU12"), ("what is AU12 in this picture made by?", "au AU12 muscle"),
    ("this one is a painting, does that make your numbers worthless", "topic posed->topic art"),
    ("Top three action units, strongest first.", "strongest->strongest 3"),
    ("start with the middle one, what's he doing", "at middle->movements"),
    ("How strong is the smile? one letter A to E", "strength AU12->tell AU12 coder"),
    ("Compare the man in the middle to the one on the right, both show their teeth", "faces AU24->faces"),
    ("Does speech mess up the mouth units?", "topic covers->topic speech"),
    ("i'm NOT asking if he lies or anything, just need the blink count", "often AU45"),
    ("Give this face a danger score, so that we know whom to keep out", "topic privacy->refuse policing"),
    ("Is there an AU1 + AU4 combination before the tenth second?", "there AU01 AU04->there AU01 AU04 0-10s"),
    ("Surprise, fear or anger: which one's first?", "order->other surprise/fear/anger"),
    ("Which label is it most of the time?", "label->change"),
])
def test_what_is_heard_so_is_not_taken_for_something_else(question, call):
    heard, _, meant = call.partition("->")
    assert str(hold_to_words(heard, question, [])) == (meant or heard)


@pytest.mark.parametrize(("question", "heard", "call"), [
    ("I wrote 1+2+6C+12D+25. Where do we disagree?", "agree AU01 AU02 AU12 AU25", "agree AU01 AU02 AU25 AU06=3 AU12=4"),
    ("no 12, but a 4B, ok?", "agree AU12=0 AU04", "agree AU04=2 AU12=0"),
    ("I coded 12C 25D and no 4, agree?", "agree AU12 AU25", "agree AU04=0 AU12=3 AU25=4"),
    ("I called it anger because of 4C. wrong?", "agree anger", "agree anger"),
])
def test_an_own_coding_has_every_code_and_letter_that_was_written(question, heard, call):
    assert hold_to_words(heard, question, []) == parse(call)


def test_what_disturbs_measuring_is_told_with_what_was_hidden_here():
    assert said("topic glasses", WORRIED).endswith("Here no part of the face is told as hidden: all that is measured of a face "
                                                   "was.")
    level = WORRIED.series.intensity.copy()
    level[:, au_index("AU05")] = np.nan
    hidden = Face(dataclasses.replace(WORRIED.series, intensity=level), [])
    assert said("topic covers", hidden).endswith("Here the upper lid raiser (AU05) was not measured.")
    assert "Here" not in said("topic rate", WORRIED)


def test_codes_of_a_moment_are_held_to_that_moment():
    before = [Exchange("and the brows then?", "at AU01 2s")]
    assert str(hold_to_words("agree AU01 AU02", "I would have coded 1+2 there, agree?", before)) == "agree AU01 AU02 1.75-2.25s"


def test_a_stretch_is_meant_of_every_question_of_a_message():
    calls = iter(["movements", "unseen"])
    asking = steps([], "Between 3 and 9 s, what moves? And what was covered?", lambda _: FROWNS)
    step = advance(asking)
    while not isinstance(step, Reply):
        step = advance(asking, next(calls, ""))
    assert [str(one) for one in step.calls] == ["movements 3-9s", "unseen 3-9s"]


def test_a_blink_in_a_photo_is_told_from_closed_eyes():
    closed = Face(parse_facs("43D"), [])
    assert said("there AU45", closed) == (
        "A photo cannot tell a blink (AU45) from eyes that stay closed. The eyes are closed (AU43, 4.0 pronounced).")


def test_a_label_that_was_coded_stands_beside_the_reading():
    other, same = said("agree anger", WORRIED), said("agree sadness", WORRIED)
    assert other.startswith("Here it is read as sadness (0.97); anger gets 0.00, place ") and "there: AU04 brow" in other
    assert same.startswith("Agreed: it is read as sadness (0.97) here as well. Of what is listed for sadness")


def test_who_is_named_by_what_is_not_measured_is_asked_for_by_place():
    beside = dataclasses.replace(PHOTO, name="face 1 (on the right)")
    face = dataclasses.replace(WORRIED, name="face 0 (on the left)", others=[beside])
    assert said("outside glasses", face).endswith(
        "Faces are told apart by place: face 0 (on the left) and face 1 (on the right). Which one do you mean?")


@pytest.mark.parametrize(("answer", "call", "letters"), [
    ("The mouth corners are raised (AU12, 4.0 pronounced), on both sides.", "strength AU12", "D (AU12, 4.0)."),
    ("The brows are lowered (AU04, 4.0 pronounced); the inner brows are raised (AU01, 3.0 marked).", "movements",
     "D (AU04, 4.0), C (AU01, 3.0)."),
    ("In fact the nose is not wrinkled.", "strength AU09", "In fact the nose is not wrinkled. So there is no letter."),
])
def test_levels_as_letters(answer, call, letters):
    shape = shape_in("How strong is it? one letter, A to E")
    assert shape == Shape("letter") and reshape(answer, shape, parse(call), WORRIED) == letters


def test_an_answer_in_so_many_sentences():
    told = reshape("One thing. Two things. Three things.", shape_in("explain it, no codes, two sentences"), parse("why"), None)
    assert told == "One thing; Two things. Three things."
    assert shape_in("I write a letter to my aunt that he smiled") is None


def test_the_strongest_three_are_three():
    assert said("strongest 3", WORRIED).count("AU") == 3
    assert said("strongest 4", WORRIED).endswith("There are no more.")


@pytest.mark.parametrize("number", [6, 9, 15])
def test_an_answer_in_so_many_words_is_a_sentence(number):
    told = reshape("whatever", Shape("words", number), parse("tell short"), WORRIED)
    assert len(told.split()) <= number and told.endswith("Commonly read as sadness.")


@pytest.mark.parametrize(("question", "call"), [
    ("is he lying, and how sure is the frown?", "sure AU04"), ("how old is she on average?", "average AU12"),
])
def test_what_is_not_told_is_refused_all_the_same(question, call):
    assert hold_to_words(call, question, []).name == "refuse"


@pytest.mark.parametrize("line", ["movements 7+", "why 3+", "when AU12 fourth", "sure AU77", "agree", "average", "topic price"])
def test_no_call_is_made_of_what_is_none(line):
    assert parse(line) == UNCLEAR
