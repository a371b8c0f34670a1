"""Stretches of a clip, how fast a movement comes and goes, the moment of something, and parts that were seldom measured."""

import random

import numpy as np
import pytest
from test_talk_time import FROWNS, PHOTO, SMILES, clip, drawn_clip, said

from data_engine.talk.build import question
from emollm.answer.prose import judge
from emollm.perception.events import events
from emollm.schema import AU_NAMES, au_index
from emollm.talk.dialogue import Exchange, messages
from emollm.talk.lookups.lookup import look_up
from emollm.talk.talker import hold_to_face, hold_to_words
from emollm.talk.terms.call import Call, parse
from emollm.talk.terms.face import Face
from emollm.talk.terms.stretches import seconds_of, split_stretches


@pytest.mark.parametrize(("words", "stretches", "rest"), [
    ("What does she do in the last 2.5 seconds?", "end-2.5s", "What does she do?"),
    ("is there a frown within the first ten secs", "0-10s", "is there a frown"),
    ("brows, from 1.5 to 3 s?", "1.5-3s", "brows,?"),
    ("anything between second 4 and second 6", "4-6s", "anything"),
    ("seconds 4 - 6 please", "4-6s", "please"),
    ("who smiles during the final quarter?", "75-100%", "who smiles?"),
    ("the lips in the opening second", "0-1s", "the lips"),
    ("the lips in the third second", "2-3s", "the lips"),
    ("after the first 2 s, what moves?", "2-end", "what moves?"),
    ("since 7 s what moves", "7-end", "what moves"),
    ("up to 4 seconds, is he calm?", "0-4s", "is he calm?"),
    ("compare the last 4 s to the first 4", "end-4s 0-4s", "compare to"),
    ("second half vs first half", "50-100% 0-50%", "vs"),
    ("lids from t=2 to t=4 s?", "2-4s", "lids?"),
    ("brows, 0:02 - 0:05?", "2-5s", "brows,?"),
    ("what is there between the 3rd and the 6th second", "3-6s", "what is there"),
    ("and from 8 to 11?", "8-11s", "and?"),
    ("is it wider in the last or in the first 4 s?", "end-4s 0-4s", "is it wider?"),
    ("compare second 3 with second 9", "3-4s 9-10s", "compare with"),
    ("how does the face at 3 s differ from the one at 9 s", "2.5-3.5s 8.5-9.5s", "how does the face differ from the one"),
    # none of a clip
    ("what happens at 3 s?", "", None),
    ("rate it between 1 and 5", "", None),
    ("did she smile before or after 5 s?", "", None),
    ("is the blink before or after second 8?", "", None),
    ("was the first or the last smile stronger?", "", None),
    ("are AU4 and AU7 there?", "", None),
    ("which half of the face moves first?", "", None),
    ("is the second man in the first half of his life?", "", None),
    ("a second later?", "", None),
    ("was the first smile longer than the second one", "", None),
    ("how many seconds does it last?", "", None),
])
def test_stretches_are_read_off_a_question(words, stretches, rest):
    assert split_stretches(words) == ((rest, tuple(stretches.split())) if stretches else (words, ()))


def test_a_stretch_is_so_many_seconds_of_this_clip():
    assert [seconds_of(one, 0.0, 20.0) for one in ("3-5s", "12-end", "end-4s", "50-100%", "end-30s")] == [
        (3.0, 5.0), (12.0, 20.0), (16.0, 20.0), (10.0, 20.0), (0.0, 20.0)]


def test_the_model_hears_a_question_without_its_stretch():
    heard = [turn["content"] for turn in messages([Exchange("is she smiling in the last two seconds?")])]
    assert heard[1:] == ["is she smiling?"]
    assert messages([Exchange("first 3 seconds?")])[1]["content"] == "first 3 seconds?"  # nothing else is left


def test_questions_of_the_grammar_name_hardly_a_stretch():
    rng, named = random.Random(8), []
    for _ in range(600):
        text, call = question(rng)
        named += [(text, str(call))] if split_stretches(text)[1] and call.name not in ("at", "moments") else []
    assert not named, named


# --- look-ups ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("call", "face", "answer"), [
    ("there AU04 0-4s", FROWNS, "From 0.0 s to 4.0 s: yes: the brows are lowered (AU04, 3.4 marked, at 3.7 s). "
                                "In the stretch that is from 3.7 s to 4.0 s."),
    ("there AU04 6-7s", FROWNS, "From 6.0 s to 7.0 s: no: the brows are not lowered (AU04)."),
    ("movements end-5s", FROWNS, "From 6.8 s to 11.8 s: the brows are lowered (AU04, 3.5 pronounced, at 7.7 s)."),
    ("movements 9.5-end", FROWNS, "From 9.5 s to 11.8 s: no measured movement stands out."),
    ("often AU45 0-2s", SMILES, "From 0.0 s to 2.0 s: the eyes are blinking (AU45) 2 times in 2.0 s, from 0.5 s to 0.7 s and "
                                "from 1.5 s to 1.7 s."),
    ("lasts AU12 2-4s", SMILES, "From 2.0 s to 4.0 s: yes, the whole stretch: the mouth corners are raised (AU12) from 2.0 s "
                                "to 4.0 s."),
    ("movements 30-40s", FROWNS, "The clip goes from 0.0 s to 11.8 s only."),
    ("there AU12 AU04 0-3s end-3s", FROWNS, "Clear only from 8.8 s to 11.8 s: the brows are lowered (AU04, 3.5 against 0.0). "
                                            "Clear only from 0.0 s to 3.0 s: the mouth corners are raised (AU12, 2.0 against "
                                            "0.0)."),
    ("there AU12 0-1s 0-50%", SMILES, "Alike in both: the mouth corners are raised (AU12, 3.0 and 3.0)."),
    ("there AU09 0-1s 2-3s", SMILES, "In neither: in fact the nose is not wrinkled (AU09)."),
    ("lasts AU04 end", FROWNS, "It is over before the end: the brows are lowered (AU04) from 3.7 s to 5.5 s and from 7.7 s to "
                               "9.0 s, strongest at 7.7 s with 3.5; at the end of the clip, 11.8 s, at 0.0."),
    ("lasts AU12 end", SMILES, "It holds to the end: the mouth corners are raised (AU12) from 0.0 s to 10.0 s, strongest at "
                               "0.0 s with 3.0; at the end of the clip, 10.0 s, at 3.0."),
    ("at peak happiness", PHOTO, "This is a photo: one moment, so there is no before and after."),
    ("movements 0-3s", PHOTO, "This is a photo: one moment, so there is no before and after."),
])
def test_a_question_about_a_stretch_is_answered_about_it(call, face, answer):
    assert said(call, face) == answer


def test_the_reading_of_a_stretch_is_that_of_its_own_movements():
    face = clip({"AU12": [(0.0, 4.0, 4.0)], "AU06": [(0.0, 4.0, 4.0)], "AU04": [(6.0, 10.0, 4.0)], "AU07": [(6.0, 10.0, 4.0)],
                 "AU23": [(6.0, 10.0, 4.0)]})
    face.look = {"fear": 1.0}  # of the whole clip
    assert "by its strongest movements alone: this face is commonly read as happiness" in said("label 0-5s", face)
    told = said("movements 0-5s 5.5-end", face)
    assert told.startswith("They differ.") and "happiness" in told and "anger" in told


def test_that_it_holds_to_the_end_is_borne_out():
    rng = random.Random(3)
    for _ in range(20):
        face = drawn_clip(rng)
        answer = said(f"lasts {rng.choice(face.units('on'))} end", face)
        judged = judge(answer, face.series, face.events, face.distribution, face.label)
        bad = [(answer[one.start:one.end], one.reason) for one in judged.found if one.verdict == "contradicted"]
        assert not bad and not judged.faults, (answer, bad, judged.faults)


@pytest.mark.parametrize("name", ["there", "movements", "when", "often", "long", "pauses", "pace", "part", "strongest"])
def test_what_is_told_of_a_stretch_is_borne_out_in_it(name):
    """The verifier of prose, which knows nothing of how it was looked up, is given the stretch as a clip."""
    rng, told = random.Random(f"stretch {name}"), 0
    for _ in range(12):
        face = drawn_clip(rng)
        first = rng.choice((0.0, 2.0, 5.0))
        inner = face.during(first, first + 4.0)
        call = Call(name, () if name in ("movements", "strongest", "part") else ((rng.choice(face.units("on")),),),
                    word="mouth" if name == "part" else "", within=(f"{first:g}-{first + 4:g}s",))
        answer = look_up(call, face).answer(rng).partition(": ")[2].replace("stretch", "clip")
        judged = judge(answer, inner.series, inner.events, inner.distribution, inner.label)
        told += len(judged.found)
        bad = [(answer[one.start:one.end], one.reason) for one in judged.found if one.verdict == "contradicted"]
        assert not bad, (str(call), answer, bad)
    assert told > 5


def ramp(onset: float, apex: float, offset: float, seconds: float = 10.0) -> Face:
    """A clip in which AU12 rises and falls steadily."""
    face = clip({}, seconds)
    face.series.intensity[:, au_index("AU12")] = np.interp(face.series.times, [onset, apex, offset], [0, 4, 0])[:, None]
    return Face(face.series, events(face.series))


def test_how_fast_it_comes_and_goes_is_told_with_onset_apex_and_offset():
    slow, sudden = said("pace AU12", ramp(2.0, 6.0, 6.5)), said("pace AU12", ramp(1.8, 2.0, 9.9))
    assert "(slowly) and goes down in" in slow and "apex 6.0 s with 4.0" in slow
    assert "(suddenly) and goes down in" in sudden and sudden.count("(slowly)") == 1
    held = said("pace AU12", SMILES)
    assert "is there when the clip begins and is there until the clip ends" in held
    assert said("pace AU09", SMILES) == "In fact the nose is not wrinkled (AU09)."
    assert "strongest of its 5 times" in said("pace AU45", SMILES)


def test_a_smile_that_drops_in_the_last_frames_holds_nearly_to_the_end():
    told = said("lasts AU12 end", clip({"AU12": [(1.0, 9.8, 3.5), (9.9, 10.0, 1.0)]}))
    assert told.startswith("It holds nearly to the end") and told.endswith("at the end of the clip, 10.0 s, at 1.0.")


def test_when_a_label_is_read_most_is_said_with_what_is_there_then():
    face = clip({"AU12": [(2.0, 3.0, 2.0), (6.0, 7.0, 4.5)], "AU06": [(6.0, 7.0, 4.0)], "AU01": [(8.0, 9.0, 3.0)]})
    told = said("at peak happiness", face)
    time = float(told.split(" at ")[1].split()[0])
    assert told.startswith("It is most read as happiness at") and 6.0 <= time <= 7.0 and "AU12, 4.5" in told
    assert said("at peak disgust", face).startswith("At no moment is it read as disgust by its movements alone; it comes near")


def test_a_moment_of_weak_movements_is_not_one_without():
    face = clip({"AU05": [(0.0, 4.0, 1.1)], "AU12": [(7.0, 8.0, 3.0)]})
    assert said("at 2s", face) == "At 2.0 s no movement is clear, only weak: AU05 at 1.1."
    assert said("at 9s", face) == "At 9.0 s no measured movement is there."
    told = said("moments", face)
    assert "is read as neutral" in told and "At " not in told
    assert told.endswith("Most happens at 7.0 s: the mouth corners are raised (AU12, 3.0).")


def test_a_movement_of_one_side_is_told_so_at_a_moment_in_every_form():
    face = clip({"AU05": [(2.0, 4.0, 2.0)], "AU12": [(2.0, 4.0, 2.0)]})
    face.series.intensity[:, au_index("AU05"), 1] = 0.2  # left alone
    face = Face(face.series, events(face.series))
    for call in ("at 3s", "at AU05 3s", "at peak AU05"):
        assert "the left upper lid is raised (AU05, left 2.0, right 0.2)" in said(call, face)
    assert "(AU12, 2.0 on both sides)" in said("at AU12 3s", face)
    assert "the left upper lid is raised" in said("side AU05 2.75-3.25s", face)


def test_what_was_measured_in_few_frames_is_told_with_how_few():
    """A microphone hid the mouth in 95 % of the frames, and "the mouth is open" was all that was told."""
    face = clip({"AU25": [(2.0, 3.0, 3.0)], "AU01": [(5.0, 6.0, 2.0)]})
    hidden = [au_index(au) for au in AU_NAMES if int(au[2:]) in range(9, 29)]
    face.series.intensity[np.ix_((face.series.times < 1.95) | (face.series.times > 3.05), hidden)] = np.nan
    face = Face(face.series, events(face.series))
    note = "The mouth was measured in 11 % of the frames only, from 2.0 s to 3.0 s."
    for call in ("there AU25/AU26/AU27", "part mouth", "absent AU24", "when AU25"):
        assert said(call, face).startswith(note), call
    assert said("movements", face).endswith(note)
    assert "frames" not in said("part brows", face) + said("there AU01", face) + said("there AU25", SMILES)
    assert "frames" not in said("part mouth 2-3s", face)


# --- words -------------------------------------------------------------------------------------------------------------


def held(question: str, understood: str = "unclear", earlier: str = "", face: Face = FROWNS) -> str:
    before = [Exchange("", call) for call in earlier.split(" | ") if call]
    call = hold_to_words(understood, question, before)
    return str(hold_to_face(call, question, before[-1].call if before else "", face))


@pytest.mark.parametrize(("question", "understood", "call"), [
    ("Does he smile in the last five seconds?", "there AU12", "there AU12 end-5s"),
    ("what's going on between 2 and 4 secs?", "course", "movements 2-4s"),
    ("lips, second half?", "unclear", "part mouth 50-100%"),
    ("how is she read in the final 3 seconds?", "label", "label end-3s"),
    ("is she angry from 3 s to 6 s", "is anger", "is anger 3-6s"),
    ("how often does she blink in the first minute half... I mean first 30 seconds", "often AU45", "often AU45 0-30s"),
    ("Compare seconds 0-3 and 8-11 s", "moments", "movements 0-3s 8-11s"),
    ("does she frown more in the first half than in the second half?", "there AU04/AU15", "there AU04/AU15 0-50% 50-100%"),
    ("what changes between 2 s and 8 s?", "course", "movements 1.5-2.5s 7.5-8.5s"),
    ("how old is she in the last 3 seconds?", "refuse age", "refuse age"),
    ("what is AU12, in three seconds?", "au AU12", "au AU12"),
    # how fast
    ("How rapidly does the smile appear?", "when AU12", "pace AU12"),
    ("does the frown build up gradually or all at once?", "there AU04/AU15", "pace AU04/AU15"),
    ("Give onset, apex, offset for AU12.", "au AU12", "pace AU12"),
    ("how much time until the smile is at its peak", "long AU12", "pace AU12"),
    ("is the smile quicker to come than to go?", "strength AU12", "pace AU12"),
    ("how quickly do you answer?", "able", "able"),
    ("how fast are microexpressions in general?", "topic micro", "topic micro"),
    # to the end
    ("is she frowning from start to end?", "there AU04/AU15", "lasts AU04/AU15"),
    # the moment of something
    ("which second is the liveliest, where does most happen?", "moments", "moments"),
    ("does the end look like the beginning or different?", "order", "moments"),
    ("which movements go together in a smile?", "au AU12", "au AU12"),
    ("mouth corners at 3 s?", "part mouth", "at AU10/AU12/AU14/AU15/AU17/AU18/AU20/AU22/AU23/AU24/AU25/AU26/AU27/AU28 3s"),
    ("is the face lopsided around 4 s?", "sides", "sides 3.75-4.25s"),
    ("how is she read at second 4", "label", "label 3.75-4.25s"),
    ("who else smiles at the same time?", "faces AU12", "faces AU12"),
])
def test_words_of_a_stretch_of_speed_and_of_a_moment_leave_one_call(question, understood, call):
    assert held(question, understood) == call


@pytest.mark.parametrize(("earlier", "question", "call"), [
    ("movements 0-3s", "and in the following two seconds?", "movements 3-5s"),
    ("there AU04 2-4s", "and after that?", "there AU04 4-end"),
    ("movements 2-4s", "and before?", "movements 0-2s"),
    ("movements end-4s", "how does that compare with the opening 4 seconds?", "movements end-4s 0-4s"),
    ("there AU04", "and in the first five seconds?", "there AU04 0-5s"),
    ("there AU04", "what happens in the last three seconds?", "movements end-3s"),
    ("at 4s", "both sides?", "sides 3.75-4.25s"),
    ("at 3s", "a second later?", "at 4s"),
    ("part brows 0-3s", "and the mouth?", "part mouth 0-3s"),
    ("part mouth end-3s", "and the first 3?", "part mouth 0-3s"),
    ("movements 0-3s | movements 3-6s", "which of them has more of a frown?", "there AU04/AU15 0-3s 3-6s"),
    ("change happiness", "and in the first half?", "label 0-50%"),
    ("when AU04", "which one is longer?", "long AU04"),
    ("is sadness", "at any point?", "change sadness"),
    ("mood", "does it stay like that?", "change"),
    ("there AU04", "does it come suddenly?", "pace AU04"),
    ("label", "since when?", f"change {FROWNS.label}"),
    ("there AU04", "until when?", "when AU04"),
    ("when AU04", "and its maximum?", "pace AU04"),
    ("refuse age", "what else is there then?", "unclear"),
])
def test_a_turn_takes_up_the_stretch_or_the_moment_that_was_told(earlier, question, call):
    hears = {"both sides?": "sides"}.get(question, "unclear")
    assert held(question, hears, earlier) == call


def test_a_moment_that_was_settled_is_gone_on_from():
    assert held("and two seconds later?", "at 1s", "when AU04 | at 7.7s") == "at 9.7s"
    assert parse("at 7.7s").time == 7.7 and parse("there AU12 end-2s 0-3s").within == ("end-2s", "0-3s")
