"""What a question names beside what it asks: words for a look, conditions, sources, shapes; without a language model."""

import json
import random
import re
from pathlib import Path

import pytest

from data_engine.talk.build import question
from data_engine.talk.question_grammar import draw, templates
from emollm.evidence import parse_facs
from emollm.schema import LABELS, au_index
from emollm.talk.dialogue import Exchange
from emollm.talk.hearing.finer import coarser, finer, less_of
from emollm.talk.lookups.lookup import look_up
from emollm.talk.shapes import Shape, reshape, shape_in, wants_last
from emollm.talk.talker import hold_to_words, reply
from emollm.talk.terms.call import SOURCES, TOPICS, UNCLEAR, Call, parse
from emollm.talk.terms.conditions import CONDITIONS, THINGS
from emollm.talk.terms.face import Face
from emollm.talk.terms.feeling_words import FEELINGS, NEAREST, feelings_in


def face_of_code(code: str) -> Face:
    return Face(parse_facs(code), [])


def said(call: str, code: str = "6C+12D") -> str:
    return look_up(parse(call), face_of_code(code)).answer()


class Hears:
    """A writer that hears one call in every question and words nothing well."""

    own_words = False

    def __init__(self, call):
        self.call = call

    def write(self, exchanges, most):
        yield "?" if exchanges[-1].call else self.call


def told(question: str, call: str, code: str = "6C+12D", before=()) -> str:
    return reply(Hears(call), list(before), question, lambda _: face_of_code(code)).text


# --- words beside the eight labels --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("question", "understood", "call"), [
    ("so he is heartbroken, right?", "is sadness", "other heartbroken"),
    ("Is that frustration or rather boredom?", "unclear", "other frustrated/bored"),
    ("come on it's obviously hatred", "whynot anger", "other hateful"),
    ("smug much?", "offtopic", "other smug"),
    ("does jealous describe her?", "refuse character", "other jealous"),
    ("a mocking smile or a relieved one?", "smile", "other mocking/relieved"), ("is it a real smile", "smile", "smile"),
    ("would you say jealous or sad", "other", "other sadness jealous"),
    ("does she look lovestruck or in love", "refuse attraction", "other love"),
    ("is she angry or surprised", "is anger", "other surprise/anger"),
    ("is she angry, mad even?", "is anger", "is anger"),
    ("I'd love to know whether she is happy", "is happiness", "is happiness"),
    ("why happy, she is only being polite and relieved?", "why happiness", "why happiness"),  # the word comes first
    ("his lips are relaxed, aren't they", "whynot anger", "whynot anger"),
    ("panic or rage?", "label", "other anger panicked"),
    ("that is clearly affection", "refuse attraction", "other affectionate"),
    ("guilt or shame?", "unclear", "other guilt/ashamed"), ("is he guilty?", "refuse policing", "refuse policing"),
    ("he's sulking, isn't he", "there AU15", "there AU17/AU18/AU22"), ("are you confident", "sure", "sure"),
    ("grumpy!", "thanks", "other grumpy"), ("proud or bored?", "mood", "other proud/bored"),
    ("does he look calm or excited", "mood", "mood"),
    ("no doubt that's a smile", "there AU12", "there AU12"),
    ("is he in love with me", "refuse attraction", "refuse attraction"),
    ("He's tired, isn't he.", "refuse health", "other tired"),
    ("does he look friendly", "refuse character", "other friendly"),
    ("does he love her?", "refuse attraction", "refuse attraction"),
    ("does he truly feel proud inside", "refuse feelings", "refuse feelings"),
    ("what would make her look proud?", "toward happiness", "toward happiness"),
])
def test_a_word_beside_the_labels_is_taken_by_its_name(question, understood, call):
    assert str(hold_to_words(understood, question, [])) == call == str(parse(call))


@pytest.mark.parametrize(("call", "code", "says"), [
    ("other gloomy/heartbroken", "6C+12D",
     'The words "gloomy" and "heartbroken" are nearest to sadness, which has 0.00 here. This face is commonly read as '
     "happiness (0.95). A face cannot tell the finer word."),
    ("other proud", "6C+12D", 'The word "proud" is nearest to happiness, as which this face is commonly read (0.95). A '
     "face cannot tell the finer word."),
    ("other aggressive/startled", "6C+12D", 'The word "startled" is nearest to surprise, which has 0.00 here.'),
    ("other bored", "6C+12D", 'The word "bored" is near none of the 8 labels I read, so I cannot say. This face is commonly '
     "read as happiness (0.95)."),
    ("other surprise/anger", "6C+12D", "This face is commonly read as happiness (0.95). Surprise has 0.00. Anger has 0.00."),
    ("other", "6C+12D", "people also call cheerful"),
])
def test_a_word_beside_the_labels_gets_the_label_it_is_nearest_to(call, code, says):
    assert says in said(call, code)


def test_every_word_beside_the_labels_is_known_by_itself_and_has_a_call():
    assert set(NEAREST.values()) == set(LABELS) and set(NEAREST) < set(FEELINGS)
    for word in FEELINGS:
        assert feelings_in(f"is she {word.replace('-', ' ')}?") == [word]
        assert parse(f"other {word}") == Call("other", word=word)


# --- the measurement itself: conditions, what is not measured, sources ---------------------------------------------------


@pytest.mark.parametrize(("question", "understood", "word"), [
    ("will shadows confuse you", "unclear", "light"),
    ("does the head turn affect your measurement", "topic method", "angle"),
    ("my camera is only 480p, good enough?", "offtopic", "size"),
    ("faces seen from below, can you deal with it", "topic method", "angle"),
    ("are seniors measured as precisely", "refuse age", "wrinkles"),
    ("could i use this on toddlers? does it work", "able", "children"),
    ("eyeliner affects the result?", "outside", "make-up"),
    ("is stubble an issue, does it disturb", "outside", "beard"),
    ("sunglasses and masks - what about the accuracy", "topic accuracy", "glasses/covers"),
    ("is the tool biased by skin tone", "topic accuracy", "skin"),
    ("I have a goatee, does that matter?", "edit AU17=3", "beard"),
    ("how much may the head be tilted", "strength AU45", "angle"),
    ("do creases count as AU4", "au AU04", "wrinkles"),
    ("can mascara trick you?", "au AU28 alike", "make-up"),
    ("participants over 80: anything to watch out for", "refuse health", "wrinkles"),
    ("what is the min. resolution", "topic files", "size"),
    ("the lamp is behind her. a problem?", "refuse instructions", ""),
    ("can you detect the age of children", "refuse age", ""),
    ("would you let him babysit children, is he reliable", "refuse character", ""),
    ("how accurate are you", "topic accuracy", ""),
    ("is this child happy", "is happiness", ""),
])
def test_a_condition_of_measuring_is_answered_by_what_was_measured_of_it(question, understood, word):
    call = hold_to_words(understood, question, [])
    assert (call.name == "topic" and call.word == word) if word else call.word.split("/")[0] not in CONDITIONS


@pytest.mark.parametrize(("question", "understood"), [
    ("my form has a field for the age of this man", "refuse age"), ("her skin, so which ethnicity?", "refuse ethnicity"),
    ("has she had botox?", "refuse health")])
def test_a_condition_that_is_asked_of_the_person_is_still_refused(question, understood):
    assert str(hold_to_words(understood, question, [])) == understood


def test_figures_of_conditions_stand_in_the_page_of_the_measurement():
    page = Path("docs/au_estimator.md").read_text()
    for name, (_, text) in CONDITIONS.items():
        for figure in re.findall(r"\d+(?:\.\d+)?", re.sub(r"AU\d\d", "", text)):
            assert re.search(rf"(?<![\d.]){re.escape(figure)}(?![\d.]*\d)", page), (name, figure)
        assert said(f"topic {name}").startswith(text)


@pytest.mark.parametrize(("question", "understood", "call"), [
    ("does he poke out his tongue", "outside", "au AU19"),
    ("is she biting on her lip", "there AU28", "au AU32"),
    ("are the nostrils flared", "there AU09", "au AU38"),
    ("puffed cheeks?", "there AU06", "au AU34"),
    ("what's the AU number for a head leaning right", "au AU17", "au AU56"),
    ("which code has the gaze going down", "unclear", "au AU64"),
    ("is his head up", "outside", "outside head"),
    ("does she laugh?", "there AU12", "outside speech"),
    ("is the tongue pink", "outside", "outside tongue"),
    ("are her teeth white", "outside", "outside teeth"),
    ("where is he looking?", "outside", "outside gaze"),
    ("is she biting on her lip, that's AU28", "there AU28", "there AU28"),
    ("are the cheeks raised", "there AU06", "there AU06"),
])
def test_what_is_not_measured_is_called_by_its_name(question, understood, call):
    assert str(hold_to_words(understood, question, [])) == call == str(parse(call))


def test_codes_outside_the_units_are_told_with_what_facs_calls_them():
    assert "tongue show, in FACS an action descriptor" in said("au AU19") and "not among the 24" in said("au AU19")
    assert "in FACS a code of the head's position" in said("au AU55") and "of where the eyes look" in said("au AU63")
    assert said("au AU19 source") == "AU19 is defined in the FACS Manual, Ekman, Friesen and Hager 2002."
    assert all(said(f"outside {thing}").startswith(("T", "G", "A", "H", "M", "W")) for thing in THINGS)


@pytest.mark.parametrize(("question", "last", "call"), [
    ("and who says that?", "au AU05", "au AU05 source"),
    ("any reference for this?", "why", "topic by_reading"),
    ("where does it say so", "there AU12", "there AU12"),  # no source is asked for
    ("where should i read that up", "au AU04 muscle", "au AU04 source"),
    ("where is this from?", "strength AU12", "topic by_measuring"),
    ("can you cite that?", "mood", "topic by_affect"),
    ("according to whom", "intent", "topic by_displays"),
    ("whats the source", "other gloomy", "topic by_sorting"),
    ("ref?", "refuse truth", "grounds truth"),
    ("sources", "topic duchenne", "topic by_duchenne"),
    ("where's that written down", "topic privacy", "topic by_program"),
    ("says who", "topic basic", "topic basic"),
    ("source of the video?", "why", "why"),
])
def test_the_source_of_what_was_told(question, last, call):
    heard = "there AU12" if call == "there AU12" else "why" if call == "why" else "unclear"
    assert str(hold_to_words(heard, question, [Exchange("", last)])) == call == str(parse(call))


def test_every_topic_has_a_text():
    assert all(said(f"topic {word}") for word in (*TOPICS, *SOURCES, *CONDITIONS))


# --- less of a label, a part of the face in a question, what was not measured --------------------------------------------


@pytest.mark.parametrize(("question", "understood", "last", "call"), [
    ("what takes the joy away?", "edit AU12=0", "", "toward happiness less"),
    ("how would she look not as sad", "toward sadness", "", "toward sadness less"),
    ("could you tone it down, the anger", "unclear", "", "toward anger less"),
    ("how could he seem less grumpy?", "other", "", "toward anger less"),
    ("and what would make it less so?", "toward happiness", "is happiness", "toward happiness less"),
    ("what would take the sadness out of it?", "toward sadness", "", "toward sadness less"),
    ("Which unit is decisive?", "strongest", "", "toward happiness less"),
    ("what makes it happier?", "toward happiness", "", "toward happiness"),
    ("is he less happy than her", "faces happiness", "", "faces happiness"),
    ("what if the smile was taken away?", "edit AU12=0", "", "edit AU12=0"),
    ("less happy?", "toward happiness", "", "toward happiness"),  # neither what nor how
])
def test_less_of_a_label_is_not_more_of_it(question, understood, last, call):
    assert str(less_of(parse(understood), question, "happiness", last)) == call == str(parse(call))


def test_what_takes_a_label_away_was_tried():
    face = face_of_code("6C+12D")
    answer = look_up(parse("toward happiness less"), face).answer()
    share = face.read(face.edit({"AU12": 0.0}).series)
    begins = "If the lip corner puller (AU12) were gone, happiness would have"
    assert answer.startswith(f"{begins} {share['happiness']:.2f} instead of 0.95")
    assert "already" not in answer
    assert said("toward fear less").startswith("Fear has 0.00; no movement that is listed for it is there")


@pytest.mark.parametrize(("question", "call", "code", "begins"), [
    ("the eyes say something else, why happy?", "why happiness", "6C+12D", "At the eyes: the cheeks are raised (AU06, 3.0"),
    ("You say happy but he is frowning!", "why", "6C+12D", "The brows are not lowered (AU04) and the mouth corners are not"),
    ("What are those lips meant to say?", "intent", "4C", "The mouth is at rest"),
    ("how can it be happy while the eyes are closed?", "why happiness", "6C+12D", "The eyes are open: AU43 is absent."),
    ("her brows are raised and still you say neutral", "whynot neutral", "6C+12D", "The inner brows are not raised (AU01)"),
    ("why happy, she looks bored", "why happiness", "6C+12D", 'The word "bored" is near none of the 8 labels'),
    ("why is she happy?", "why", "6C+12D", "This face"),
    ("are the lips pressed?", "there AU24", "6C+12D", "No: the lips"),
])
def test_a_part_that_a_reading_is_asked_of_is_told_first(question, call, code, begins):
    answer = told(question, call, code)
    assert answer.startswith(begins) or (begins == "This face" and not answer.startswith("At")), answer


def test_what_was_not_measured_is_named_in_words_and_in_order():
    face = face_of_code("4C")
    for au in ("AU10", "AU22"):
        face.series.measured[au_index(au)] = False
        face.series.intensity[:, au_index(au)] = float("nan")
    face = Face(face.series, [])
    both = "the upper lip raiser (AU10) and the lip funneler (AU22) were not measured"
    assert look_up(parse("part mouth"), face).answer() == f"Nothing that is measured at the mouth moves; {both}."
    assert both.capitalize().replace("au", "AU") in look_up(parse("unseen"), face).answer()
    face.series.intensity[:, au_index("AU26")] = 0.8
    weak = look_up(parse("part chin"), Face(face.series, [])).answer()
    assert "the jaw drop (AU26) is only at 0.8" in weak
    assert "the chin raiser (AU17) and the mouth stretch (AU27) are absent" in weak


def test_two_faces_that_are_compared_are_told_by_what_differs():
    one, other = face_of_code("6C+12D"), face_of_code("6C+12B+4D")
    one.name, other.name, one.others, one.aloud = "face 0 (on the left)", "face 2 (on the right)", [other], True
    compared = look_up(parse("faces"), one).answer()
    assert compared.startswith("Face 0 (on the left) is commonly read as happiness (AU12 4.0, AU06 3.0) and face 2")
    assert compared.endswith("the brow lowerer (AU04, 0.0 and 4.0) and the lip corner puller (AU12, 4.0 and 2.0).")
    one.others = [face_of_code("6C+12D")]
    assert look_up(parse("faces"), one).answer().endswith("No movement differs by more than measuring does.")
    assert str(hold_to_words("faces", "compare the brows of the two men", [])) == "faces AU01/AU02/AU04"


# --- shapes --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("question", "shape"), [
    ("too long, cut it down", Shape("short")), ("make that four points", Shape("bullets", 4)),
    ("5 words max", Shape("words", 5)),
    ("could you elaborate", Shape("longer")), ("no jargon please", Shape("simple")), ("markdown table?", Shape("table")),
    ('as json, keys "emotion" and "score"', Shape("json", keys=("emotion", "score"))), ("is she happy?", None),
    ("json fields: au, level", Shape("json", keys=("au", "level"))), ("give me json", None),
])
def test_a_shape_is_known_by_its_words(question, shape):
    assert shape_in(question) == shape


ANSWERS = ("why", "there AU12", "there AU04", "whynot sadness", "part mouth", "au AU12", "refuse age", "shares", "mood",
           "other bored", "topic facs", "tell bullets", "movements", "edit AU12=0", "outside teeth", "intent")


@pytest.mark.parametrize("call", ANSWERS)
def test_any_answer_is_told_again_in_another_shape(call):
    """Shorter is shorter, longer longer, so many bullets so many, simpler without a code of a movement; or it is said."""
    face = face_of_code("6C+12D+25B")
    answer = look_up(parse(call), face).answer()
    again = {kind: reshape(answer, Shape(kind), parse(call), face) for kind in ("short", "longer", "simple", "table")}
    assert len(again["short"]) < len(answer) or "Shorter" in again["short"]
    assert again["longer"].startswith(answer) and len(again["longer"]) > len(answer)
    assert "(AU" not in again["simple"]
    assert again["table"].startswith("| what") or "no figures" in again["table"]
    for number in (1, 2, 3):
        lines = reshape(answer, Shape("bullets", number), parse(call), face).split("\n\n")
        assert lines[0].count("\n- ") + 1 == number or lines[1] == "There is no more to say than that."
    words = reshape(answer, Shape("words", 3), parse(call), face)
    assert len(words.split()) <= 3 or "In fewer words" in words


def test_what_was_just_told_is_shaped_and_nothing_else():
    last = parse("why")
    for asked in ("shorter pls", "now the same as 2 bullets", "again but simpler", "could you make it a little longer?",
                  "in a table please"):
        assert wants_last(shape_in(asked), UNCLEAR, asked, last), asked
    assert not wants_last(shape_in("in one line what you can see"), parse("tell short"), "in one line what you can see", last)
    for asked in ("is the mouth short?", "the whole face as bullets", "why, in one sentence?", "which movements, as a table?"):
        assert not wants_last(shape_in(asked), parse("part mouth"), asked, last), asked
    assert not wants_last(shape_in("shorter"), UNCLEAR, "shorter", parse(""))


def test_a_question_may_bring_the_shape_of_its_own_answer():
    keyed = json.loads(told("give me JSON with keys mood, certainty, aus and hat", "tell json"))
    assert keyed == {"mood": "happiness", "certainty": 0.95, "aus": ["AU12", "AU06"], "hat": None}
    assert told("two bullet points on this face", "tell bullets").count("\n") == 1
    assert told("which emotion? one word", "label") == "Happiness."
    table = told("what moves? as a table", "movements").splitlines()
    assert table[2] == "| The mouth corners are raised | AU12 | 4.0 pronounced |" and len(table) == 4


# --- finer calls and the grammar -----------------------------------------------------------------------------------------


def test_what_is_refused_stays_refused_whatever_else_it_names():
    """ "for my statistics I need the subject's age" was answered with what age does to the measurement."""
    refusals = [kind for kind in templates() if kind.startswith("refuse")]
    rng, told, asked = random.Random(5), [], 0
    for _ in range(2000):
        if drawn := draw(rng, rng.choice(refusals), rng.random() < 0.1):
            asked += 1
            told += [drawn] if hold_to_words(drawn[1], drawn[0], []).name != "refuse" else []
    assert asked > 1900 and len(told) <= 0.005 * asked, told


def test_a_finer_call_is_of_the_kind_that_was_asked_for():
    """Of the grammar's questions with the right call, next to none gets another kind by what it names."""
    rng, changed = random.Random(7), []
    for _ in range(1500):
        text, call = question(rng)
        named = finer(call, text)
        changed += [] if named == call or coarser(named) == coarser(call) else [(text, str(call), str(named))]
    assert len(changed) <= 0.005 * 1500, changed


@pytest.mark.parametrize(("question", "understood", "call"), [
    # labels set beside each other
    ("put anger, disgust and contempt in order, most likely first, i.e. rank them", "label", "other disgust/anger/contempt"),
    ("would you say more scared or more astonished?", "mood", "other surprise/fear"),
    ("is it nearer to sadness or to disgust?", "topic labels", "other sadness/disgust"),
    ("which labels are there, more or less?", "topic labels", "topic labels"),
    # how the measurement fares, and what may still be told
    ("my lamp was off, does that distort the values?", "edit AU04=2", "topic light"),
    ("Does his goatee influence the reading of the chin?", "side AU17", "topic beard"),
    ("do her spectacles interfere with the units of the lids?", "au AU07 looks", "topic glasses"),
    ("a scarf hangs over it: can you still judge the chin?", "outside hands", "part chin"),
    ("Can I rely on what you say of the lips with that cup there?", "topic baseline", "part mouth"),
    ("can I trust this man", "refuse character", "refuse character"),
    ("how trustworthy are the values?", "topic accuracy", "topic accuracy"), ("is she trustworthy", "sure", "refuse character"),
    ("does a code diagnose an emotion", "topic feelings", "topic feelings"), ("diagnose him", "unclear", "refuse health"),
    ("are my lips a bit open", "there AU25", "there AU25"), ("is she biting her lip", "there AU24", "au AU32"),
    ("Her hand is over it. What can you still tell of the brow?", "part brows", "part brows"),
    ("what is that hand doing there", "part chin", "outside hands"),
    # what it is for, and who made it
    ("might he just be pretending?", "cause AU12", "topic posed"),
    ("is the smile only posing?", "smile", "smile"),
    ("how confident is this program, in percent?", "sure", "sure"), ("does she look confident?", "sure", "other confident"),
    ("cheers love", "thanks", "thanks"),
])
def test_words_that_leave_one_call(question, understood, call):
    assert str(hold_to_words(understood, question, [])) == call


def test_a_list_of_movements_leaves_none_out():
    text = said("movements", "1C+2C+4D+5B+6C+7B+9B+12D+25C")
    assert all(f"AU{number:02d}" in text for number in (1, 2, 4, 5, 6, 7, 9, 12, 25))
