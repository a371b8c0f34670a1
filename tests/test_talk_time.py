"""What is answered about time in a clip: look-ups, the words that ask for them, and the check of what they say."""

import random
from dataclasses import replace

import numpy as np
import pytest

from data_engine.talk.build import question
from emollm.answer.phases import phases_and_affect
from emollm.answer.prompt import event_interval
from emollm.answer.prose import judge
from emollm.evaluation.chat import AskedQuestion
from emollm.evidence import parse_facs
from emollm.perception.events import events
from emollm.schema import AU_NAMES, AUSeries, au_index
from emollm.talk.dialogue import Exchange
from emollm.talk.hearing.call_rules import correct_call
from emollm.talk.hearing.time_questions import TAKEN_FOR, correct_time_question
from emollm.talk.lookups.lookup import look_up
from emollm.talk.lookups.timing import face_at_its_time
from emollm.talk.talker import Reply, advance, reply, steps
from emollm.talk.terms.call import Call, parse
from emollm.talk.terms.face import Face


def clip(movements: dict[str, list[tuple[float, float, float]]], seconds: float = 10.0) -> Face:
    """A clip at 10 frames a second in which units are at a level between two times, [(onset, offset, level), ...]."""
    times = np.round(np.arange(0, seconds + 0.05, 0.1), 1)
    intensity = np.zeros((len(times), len(AU_NAMES), 2))
    for au, spans in movements.items():
        for onset, offset, level in spans:
            intensity[(times >= onset - 1e-6) & (times <= offset + 1e-6), au_index(au)] = level
    series = AUSeries(times, intensity, np.full(intensity.shape[:2], 0.9), np.ones(len(AU_NAMES), bool), "test")
    return Face(series, events(series))


FROWNS = clip({"AU04": [(3.7, 5.5, 3.4), (7.7, 9.0, 3.5)], "AU12": [(0.5, 1.5, 2.0)]}, 11.8)
SMILES = clip({"AU12": [(0.0, 10.0, 3.0)], "AU45": [(k + 0.5, k + 0.7, 3.0) for k in range(5)]})
PHOTO = Face(parse_facs("6C+12D"), [])
BOTH = clip({"AU12": [(1.0, 4.0, 3.0)], "AU06": [(2.0, 6.0, 2.0)], "AU04": [(7.0, 8.0, 3.0)]})


def said(call: str, face: Face) -> str:
    return look_up(parse(call), face).answer()


@pytest.mark.parametrize(("call", "face", "answer"), [
    ("lasts AU04", FROWNS, "No, not the whole clip: the brows are lowered (AU04) from 3.7 s to 5.5 s and from 7.7 s to 9.0 s, "
                           "26 % of the clip."),
    ("lasts AU12", SMILES, "Yes, the whole clip: the mouth corners are raised (AU12) from 0.0 s to 10.0 s."),
    ("lasts AU09", SMILES, "No, at no time: the nose is not wrinkled (AU09)."),
    ("pauses AU12", SMILES, "No, it does not stop: the mouth corners are raised (AU12) from 0.0 s to 10.0 s, "
                            "100 % of the clip."),
    ("often AU04", FROWNS, "The brows are lowered (AU04) 2 times in 11.8 s, from 3.7 s to 5.5 s and from 7.7 s to 9.0 s."),
    ("often AU45", SMILES, "The eyes are blinking (AU45) 5 times in 10.0 s (30 a minute), "
                            "beginning at 0.5 s, 1.5 s, 2.5 s, 3.5 s, 4.5 s."),
    ("long AU04", FROWNS, "The brows are lowered (AU04) for 1.8 s, from 3.7 s to 5.5 s, and for 1.3 s, from 7.7 s to 9.0 s; "
                          "3.1 s in all, 26 % of the clip."),
    ("long", FROWNS, "The clip is 11.8 s long."),
    ("longest", FROWNS, "The longest: the brows are lowered (AU04) for 1.8 s, from 3.7 s to 5.5 s. "
                        "Next: the mouth corners are raised (AU12) for 1.0 s, from 0.5 s to 1.5 s."),
    ("before AU04", FROWNS, "The brows are lowered (AU04) from 7.7 s, at its strongest. "
                            "At 7.2 s no measured movement is there."),
    ("at end AU04", FROWNS, "At 11.8 s the brows are not lowered (AU04, 0.0)."),
])
def test_a_question_of_time_is_answered_with_all_its_times(call, face, answer):
    assert said(call, face) == answer


def test_that_it_is_there_is_told_with_when():
    """ "Is the frown there the whole clip?" was answered with yes for one moment of it."""
    assert said("there AU04", FROWNS).endswith("In the clip that is from 3.7 s to 5.5 s and from 7.7 s to 9.0 s.")
    assert said("there AU45", SMILES).endswith(
        "In the clip that is 5 times, the first at 0.5 s, the longest from 0.5 s to 0.7 s.")
    assert "clip" not in said("there AU12", PHOTO)


def test_a_movement_that_smoothing_levels_out_is_there_when_it_is():
    """It was given the whole clip as its time."""
    face = clip({"AU26": [(0.5, 0.5, 1.4)]}, 3.0)
    face.events.clear()
    assert event_interval("AU26", [], face.series) == (0.5, 0.5)
    assert event_interval("AU27", [], face.series) == (0.0, 3.0)  # never on: the evidence of a whole track
    assert "at 0.5 s, strongest at 0.5 s with 1.4" in said("when AU26", face)


def test_what_several_units_make_is_one_movement_with_one_count():
    face = clip({"AU25": [(1.0, 3.0, 3.0), (6.0, 7.0, 2.0)], "AU26": [(1.5, 3.5, 2.0)]})
    assert said("often AU25/AU26/AU27", face) == (
        "The mouth is open 2 times in 10.0 s, from 1.0 s to 3.5 s and from 6.0 s to 7.0 s.")
    assert said("lasts AU25/AU26/AU27", face).startswith("Not the whole clip: the mouth is open")  # or closed
    frown = clip({"AU04": [(1.0, 2.0, 3.0)], "AU15": [(5.0, 6.0, 3.0)]})
    assert "AU15" not in said("long AU04/AU15", frown)


def test_which_of_two_is_first_and_that_one_was_not_measured():
    assert said("order AU04 AU12", FROWNS).endswith(
        "So the lip corner puller (AU12) comes 3.2 s before the brow lowerer (AU04).")
    one = said("order AU09 AU12", FROWNS)
    assert "the nose is not wrinkled (AU09)" in one and one.endswith("is there, and there is no order.")
    unseen = clip({"AU12": [(1.0, 2.0, 3.0)]})
    unseen.series.measured[au_index("AU10")] = False
    told = said("order AU10 AU12", unseen)
    assert told.startswith("The upper lip raiser (AU10) was not measured here.")
    assert told.endswith("So nothing can be said of their order.")


def test_the_course_of_the_reading_is_that_of_its_phases():
    face = clip({"AU12": [(0.0, 4.0, 4.0)], "AU06": [(0.0, 4.0, 4.0)], "AU04": [(5.0, 10.0, 4.0)], "AU07": [(5.0, 10.0, 4.0)],
                 "AU23": [(5.0, 10.0, 4.0)]})
    phases = phases_and_affect(face.series)[0]
    told = said("change", face)
    assert len(phases) > 1 and told.startswith("The reading changes")
    for phase in phases:
        assert f"{phase['label']} ({phase['confidence']:.2f}) from {phase['start']:.1f} s to {phase['end']:.1f} s" in told
    turn = phases[1]
    assert f"from {phases[0]['label']} to {turn['label']} at {turn['start']:.1f} s" in said("turns", face)
    assert f"from {phases[0]['start']:.1f} s to {phases[0]['end']:.1f} s" in said(f"change {phases[0]['label']}", face)
    assert said("change contempt", face).startswith("At no time is it read as contempt")
    assert said("change", SMILES).startswith("The reading stays the same")


@pytest.mark.parametrize("call", ["lasts AU12", "pauses AU12", "often AU12", "long AU12", "longest", "shortest", "change",
                                  "change happiness", "turns", "before AU12", "after AU12", "order AU12 AU06", "when AU12",
                                  "at end AU12", "order", "course", "moments"])
def test_a_photo_has_no_times_and_says_so_in_one_sentence(call):
    answer = said(call, PHOTO)
    assert "photo" in answer and answer.count(". ") == 0 and " s " not in answer


def drawn_clip(rng: random.Random) -> Face:
    movements = {}
    for au in rng.sample(AU_NAMES, rng.randint(1, 6)):
        ends = sorted(rng.sample(range(0, 101, 4), 2 * rng.randint(1, 5)))
        movements[au] = [(a / 10, b / 10, rng.choice((1.5, 2.5, 4.0))) for a, b in zip(ends[::2], ends[1::2], strict=True)]
    return clip(movements)


@pytest.mark.parametrize(
    "name", ["there", "absent", "when", "order", "lasts", "pauses", "often", "long", "longest", "shortest"])
def test_every_time_and_count_that_is_told_is_borne_out(name):
    """The verifier of prose, which knows nothing of how they are worded, finds none of them wrong."""
    rng, told = random.Random(name), 0
    for _ in range(12):
        face = drawn_clip(rng)
        moving = face.units("on")
        units = rng.choice((("AU25", "AU26", "AU27"), ("AU01", "AU02"), ("AU04", "AU15"), (rng.choice(moving),)))
        other = next((au for au in reversed(moving) if au not in units), "AU09" if "AU09" not in units else "AU10")
        asked = {"order": (units, (other,)), "longest": (), "shortest": ()}.get(name, (units,))
        answer = look_up(Call(name, asked), face).answer(rng)
        judged = judge(answer, face.series, face.events, face.distribution, face.label)
        told += sum(one.kind == "time" for one in judged.found)
        bad = [(answer[one.start:one.end], one.reason) for one in judged.found if one.verdict == "contradicted"]
        assert not bad and not judged.faults, (answer, bad, judged.faults)
    assert told > 5


@pytest.mark.parametrize(("claim", "verdict"), [
    ("The brows are lowered (AU04) 2 times.", "supported"),
    ("The brows are lowered (AU04) 3 times.", "contradicted"),
    ("The brows are lowered (AU04), 26 % of the clip.", "supported"),
    ("The brows are lowered (AU04), 40 % of the clip.", "contradicted"),
    ("The brows are lowered (AU04), 3.1 s in all.", "supported"),
    ("The brows are lowered (AU04), 5.0 s in all.", "contradicted"),
    ("The brows are lowered (AU04) throughout.", "contradicted"),
    ("The brows are lowered (AU04), not the whole clip.", "supported"),
    ("The brows are lowered (AU04) from 3.7 s to 9.0 s.", "contradicted"),
])
def test_counts_shares_and_sums_of_times_are_judged(claim, verdict):
    judged = judge(claim, FROWNS.series, FROWNS.events, FROWNS.distribution, FROWNS.label)
    assert [one.verdict for one in judged.found if one.kind == "time"] == [verdict]


# --- the words of a question -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("question", "understood", "call"), [
    ("Is the frown there the whole clip?", "there AU04/AU15", "lasts AU04/AU15"),
    ("does AU4 persist continuously?", "there AU04", "lasts AU04"),
    ("always smiling?", "smile", "lasts AU12"),
    ("does she ever stop smiling?", "there AU12", "pauses AU12"),
    ("how many times does his mouth open", "when AU25/AU26/AU27", "often AU25/AU26/AU27"),
    ("how often does she blink", "there AU45", "often AU45"),
    ("how long does the brow frown stay?", "when AU04/AU15", "long AU04"),
    ("how long until he smiles?", "when AU12", "when AU12"),
    ("does his mood change over the video?", "course", "change"),
    ("does the emotion change", "refuse feelings", "change"),
    ("when does the mood change?", "moments", "turns"),
    ("is she happy the whole time?", "is happiness", "change happiness"),
    ("what happens first, the frown or the smile?", "order", "order AU04/AU15 AU12"),
    ("did the brows move before the mouth?", "order", "order AU01/AU02/AU04 AU25/AU26/AU27"),
    ("why does she do that before the smile?", "cause AU12", "cause AU12"),
    ("did the lips tighten before he smiled?", "order", "order AU23 AU12"),
    ("do the eyes widen before he smiles?", "order", "order"),
    # not of time, or not of this clip
    ("is AU12 always on both sides?", "au AU12 side", "au AU12 side"),
    ("how often are you wrong?", "topic accuracy", "topic accuracy"),
    ("is the expression the same on both sides?", "sides", "sides"),
    ("why is she always smiling?", "cause AU12", "cause AU12"),
    ("what happens over the whole clip?", "course", "course"),
    ("what happens first?", "order", "order"),
    ("what would change the label?", "toward anger", "toward anger"),
    ("is he happy inside the whole time?", "refuse feelings", "refuse feelings"),
])
def test_words_of_time_leave_one_call(question, understood, call):
    assert correct_time_question(parse(understood), question, []) == parse(call)


@pytest.mark.parametrize(("earlier", "question", "call"), [
    ("there AU12", "when?", "when AU12"),
    ("when AU17/AU18/AU22", "when exactly", "when AU17/AU18/AU22"),
    ("there AU01/AU02 AU25", "how long", "long AU01/AU02 AU25"),
    ("there AU45", "how often?", "often AU45"),
    ("there AU12", "the whole time?", "lasts AU12"),
    ("change", "when", "turns"),
    ("part mouth", "when?", "part mouth"),
    ("movements", "when?", "course"),
    ("is happiness", "when?", "change happiness"),
    ("when AU12", "what was the face doing just before that?", "before AU12"),
    ("when AU12", "and right after?", "after AU12"),
    ("at 3s", "what was just before that?", "at 2.5s"),
    ("when AU01/AU02 | when AU25", "so which came first", "order AU01/AU02 AU25"),
    ("there AU12 | thanks | there AU04", "first?", "order AU12 AU04"),
    ("au AU09 | there AU09 | topic sources", "and 10?", "there AU10"),
    ("there AU12", "and AU10?", "there AU10"),
    ("at 3s", "and 5?", "at 5s"),
    ("lasts AU04", "at the end?", "at end AU04"),
    ("at end AU04", "same for the smile", "at end AU12"),
    ("when AU12", "and the brows?", "when AU01/AU02/AU04"),
    ("edit AU12=0", "and 3?", "unclear"),
    ("refuse age", "when?", "unclear"),
])
def test_a_turn_of_a_few_words_is_about_what_was_talked_of(earlier, question, call):
    assert correct_time_question(parse("unclear"), question, earlier.split(" | ")) == parse(call)


def test_the_words_of_time_change_nothing_else():
    """Of questions of the grammar with their right calls that are not about time, next to none is changed."""
    rng, changed, asked = random.Random(5), [], 0
    of_time = (*TAKEN_FOR, "faces", "sides")
    while asked < 100:
        text, call = question(rng)
        if call.name not in of_time or call.name in ("strength", "side", "still", "part", "count"):
            asked += 1
            now = correct_time_question(correct_call(call, text), text, [])
            changed += [(text, str(call), str(now))] if now != correct_call(call, text) else []
    assert not changed, changed


def test_a_finer_call_of_time_is_an_answer_to_the_coarser_question():
    def is_understood(wanted: str, call: str) -> bool:
        return AskedQuestion("", [parse(wanted)], "", Reply(Exchange(""), parse(call))).is_understood

    assert is_understood("when AU12", "long AU12") and is_understood("when AU12", "when AU12")
    assert not is_understood("when AU12", "long AU04") and not is_understood("long AU12", "when AU12")


def test_a_bare_turn_is_answered_in_a_conversation():
    class Hears:
        own_words = False

        def write(self, exchanges, most):
            yield "unclear"

    answer = reply(Hears(), [Exchange("is he frowning?", "there AU04")], "when exactly?", lambda _: FROWNS)
    assert answer.call == Call("when", (("AU04",),)) and "from 3.7 s to 5.5 s and from 7.7 s to 9.0 s" in answer.text


@pytest.mark.parametrize(("call", "face", "answer"), [
    ("together AU12 AU06", BOTH, "Yes, at the same time: the mouth corners are raised (AU12); the cheeks are raised (AU06): "
                                 "together from 2.0 s to 4.0 s, 20 % of the clip."),
    ("together AU12 AU04", BOTH, "No, at no moment together: the mouth corners are raised (AU12) from 1.0 s to 4.0 s, "
                                 "strongest at 1.0 s with 3.0; the brows are lowered (AU04) from 7.0 s to 8.0 s, strongest at "
                                 "7.0 s with 3.0."),
    ("together AU12 AU09", BOTH, "The mouth corners are raised (AU12) from 1.0 s to 4.0 s, strongest at 1.0 s with 3.0. In "
                                 "fact the nose is not wrinkled (AU09). So they are at no moment there together."),
    ("long AU04 second", FROWNS, "The second of 2 times, which is the last: the brows are lowered (AU04) from 7.7 s to 9.0 s: "
                                 "1.3 s."),
    ("long AU04 third", FROWNS, "There is no third time: the brows are lowered (AU04) 2 times only, from 3.7 s to 5.5 s and "
                                "from 7.7 s to 9.0 s."),
    ("mostly", BOTH, "Most of the time, by its movements alone, it is read as neutral, 69 % of the clip (6.9 s, 2 times, the "
                     "longest from 4.2 s to 10.0 s). Then comes happiness, 31 % of the clip (3.1 s, from 1.1 s to 4.2 s). The "
                     "whole clip is read as happiness (0.64)."),
    ("mostly", PHOTO, "This is a photo: one moment, so nothing changes in it; it is commonly read as happiness (0.95)."),
])
def test_what_is_there_at_the_same_time_and_what_holds_most_of_it(call, face, answer):
    assert said(call, face) == answer


def test_the_recording_is_told_with_the_times_of_every_face():
    other = replace(FROWNS, name="face 1 (on the right)")
    face = replace(BOTH, name="face 0 (on the left)", others=[other])
    told = said("recording", face)
    assert told.startswith("Face 0 (on the left) is found from 0.0 s to 10.0 s, 10.0 s in 101 frames, about 10 a second; "
                           "measured in 101 of them. Face 1 (on the right) is found from 0.0 s to 11.8 s.")
    kept = np.ones(101, bool)
    kept[30:60] = False
    torn = replace(BOTH.series, times=BOTH.series.times[kept], intensity=BOTH.series.intensity[kept],
                   confidence=BOTH.series.confidence[kept])
    assert "It is not found from 2.9 s to 6.0 s." in said("recording", Face(torn, events(torn)))


def test_a_face_that_is_there_for_a_part_of_the_clip_is_not_told_as_the_clip():
    part = replace(BOTH, clip_span=(0.0, 30.0))
    assert said("lasts AU12", part) == ("No, not the whole time with this face: the mouth corners are raised (AU12) from 1.0 s "
                                        "to 4.0 s, 30 % of the time with this face.")
    assert said("at 40s", part) == "This face is seen from 0.0 s to 10.0 s only."
    assert "clip" in said("lasts AU12", replace(BOTH, clip_span=(0.0, 10.2)))
    there = replace(FROWNS, series=replace(FROWNS.series, times=FROWNS.series.times + 35), name="face 1")
    assert said("at 40s", replace(part, others=[there])).endswith("At 40.0 s there is face 1: ask about that one.")


def test_what_is_asked_of_a_second_is_answered_by_the_face_that_is_there_then():
    first = replace(SMILES, name="face 0 (on the left)", clip_span=(0.0, 45.0))
    second = replace(FROWNS, series=replace(FROWNS.series, times=FROWNS.series.times + 30), name="face 1 (on the right)")
    face = replace(first, others=[second])
    for call, name in (("at 32s", "face 1 (on the right)"), ("why anger 31-33s", "face 1 (on the right)"),
                       ("at 3s", first.name), ("there AU12 2-4s", first.name), ("at 20s", first.name), ("order", first.name)):
        assert face_at_its_time(parse(call), face).name == name
    assert face_at_its_time(parse("at 32s"), first) is first  # no other to ask
    said_of = advance_to_end(["label"], "what is your reading between about 31 and 33 s?", face)
    assert said_of.text.startswith("Face 1 (on the right), from 30.0 s to 41.8 s: From 31.0 s to 33.0 s")
    alone = advance_to_end(["there AU12"], "does she smile?", face).text
    assert alone.startswith("Face 0 (on the left), from 0.0 s to 10.0 s:")


def advance_to_end(written, question, face):
    """The reply when a model writes these calls."""
    calls, asking = iter(written), steps([], question, lambda _: face)
    step = advance(asking)
    while not isinstance(step, Reply):
        step = advance(asking, next(calls, ""))
    return step


def test_a_movement_that_is_one_sided_at_times_is_told_so():
    face = clip({"AU43": [(1.0, 2.0, 4.0), (5.0, 6.0, 3.0)]})
    face.series.intensity[50:61, au_index("AU43"), 1] = 0.0
    told = said("side AU43", Face(face.series, events(face.series)))
    assert told.startswith("It is on both sides") and told.endswith("On the left side only from 5.0 s to 6.0 s.")
