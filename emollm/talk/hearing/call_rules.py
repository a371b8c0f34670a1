"""A call held to the question's own words, before it is looked up.

The language model understands a question; a small one slips where two calls lie close ("is he happy looking?" for "is he
bored?"). What stands in the question plainly is not left to it: a label's word, a code, a side, who of several, and what is not
told of people. Each rule asks for words that leave no choice, and what it does not know stays as the model understood it.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import replace

from emollm.facs.readings import level_of_letter
from emollm.schema import AUS, LABELS
from emollm.talk.hearing.facs_questions import correct_facs, correct_muscle
from emollm.talk.hearing.follow_ups import correct_follow_up, labels_told_apart
from emollm.talk.hearing.movement_names import EYES_WIDE, codes_in, movements_in, units_in
from emollm.talk.hearing.plain_words import correct_by_words
from emollm.talk.hearing.refusal_words import asks_for, reason
from emollm.talk.hearing.which_face import NAMED, names_one
from emollm.talk.terms.call import PARTS_OF_FACE, UNCLEAR, Call, parse
from emollm.talk.terms.feeling_words import feelings_in
from emollm.talk.terms.finding import words_of

# Words for a label as people ask. Some mean other things as well ("down"): UNSURE is left to the language model.
ADJECTIVES = {
    "neutral": ("neutral", "calm", "expressionless", "blank"),
    "happiness": ("happy", "joyful", "cheerful", "glad", "delighted"),
    "sadness": ("sad", "unhappy", "sorrowful", "down", "upset"),
    "surprise": ("surprised", "astonished", "amazed", "shocked"),
    "fear": ("afraid", "scared", "fearful", "frightened", "terrified"),
    "disgust": ("disgusted", "repulsed", "grossed out"),
    "anger": ("angry", "mad", "furious", "annoyed", "irritated"),
    "contempt": ("contemptuous", "scornful", "disdainful"),
}
NOUNS = {
    "neutral": ("neutral",),
    "happiness": ("happiness", "joy", "happy"),
    "sadness": ("sadness", "sad", "sorrow"),
    "surprise": ("surprise", "astonishment"),
    "fear": ("fear", "afraid", "fright"),
    "disgust": ("disgust", "disgusted"),
    "anger": ("anger", "angry", "rage"),
    "contempt": ("contempt", "scorn"),
}
UNSURE = ("down", "upset", "blank", "calm")
COMPARED = {  # and their comparatives
    "happiness": ("happier", "happiest"),
    "sadness": ("sadder", "saddest"),
    "anger": ("angrier", "angriest", "madder", "maddest"),
}
# What people call a part of the face, and words around it that ask nothing of their own: "and the lips, what about them?"
SPOKEN_PARTS = {
    "brows": ("brows", "eyebrows", "forehead"),
    "eyes": ("eyes", "lids", "eyelids"),
    "nose": ("nose",),
    "cheeks": ("cheeks",),
    "chin": ("chin", "jaw"),
    "mouth": ("mouth", "lips"),
}
_PART = {form: part for part, words in SPOKEN_PARTS.items() for word in words for form in (word, word.removesuffix("s"))}
_AROUND_A_PART = words_of(
    "and what whats what's how hows how's about abt with of the his her their its this these then now ok so well too plus "
    "please pls is are do does doing they it anything going on at in around for region area part tell show me us say see "
    "you can describe any news same man woman guy girl boy lady person face one"
)
_NOTHING = words_of("a an the of and but or so in on at to with for from by as")  # a first question of these asks nothing
_HALVES = re.compile(r"\bupper (?:face|half)\b.*\blower (?:face|half)\b|\blower (?:face|half)\b.*\bupper (?:face|half)\b")
_UP_TO = re.compile(r"\bwhat'?s up\b|\bup to\b")  # "are the brows up?" says what of them
_SIDE = re.compile(
    r"\b(left|right)(?:[- ]hand)?(?: \w+)? (?:side|half|eye\w*|brow|cheek|corner|mouth|lid|part|lip)s?\b"
    r"|\b(?:on|to) (?:the |his |her |their )?(left|right)\b|\b(?:and|what about|how about) (?:the )?(left|right)\b"
)
_GRADED = re.compile(r"(?<![\w.])(?:au ?)?[lr]?(\d{1,2})([a-e])(?!\w)")  # 12C, AU4B
_DENIED = re.compile(r"\b(?:no|without|nor) (?:au ?)?(\d{1,2})(?![\w.:%])(?! ?(?:s|sec\w*|frames?|people|faces)\b)")  # no 12
_CODED_SIDE = re.compile(r"\b([lr])(?:au ?)?\d{1,2}[a-e]?\b")  # R12
_WHO = re.compile(
    r"\bwho(?:se)?\b|\bwhich (?:one|face|person|picture|photo|man|woman|guy|girl|boy|kid)\b|"
    r"\b(?:which|any|all|both|none|one|each) of (?:them|these|those|the (?:two|three|four|five|faces|people|men|women))\b"
)
_EVERYONE = re.compile(
    r"\bwho(?:'s| is| are| looks?| seems?| else| here)* "
    r"(?!is |are |right|wrong|this|that|these|he\b|she\b|they\b|the\b|you\b|it\b)\w|"
    r"\b(?:any|every|no)(?: ?one|body)\b(?!'s\b| (?:else |here )?"
    r"(?:knows?|says?|said|thinks?|wants?|could|can|would|besides)\b|"
    r"\?)|\b(?:all|both|none|each) of (?:them|these)\b|"
    r"\b(?:they|them) all\b|\bboth the (?:left|right)\b|"
    r"\b(?:rank|sort|order) (?:the (?:two|three|four|five|six)|them|all|everyone|everybody)\b|"
    r"\b(?:the|these|those|all|both) (?:\w+ )?(?:people|persons|faces|men|women|guys|girls|boys|kids|children)\b"
)
_THAN = re.compile(
    r"\bthan (?:in |on )?(?:the )?(?:(?:left|right|middle) )?"
    r"(?:other|others|first|second|third|last|next|one|guy|man|woman|girl|boy)\b"
)
_MORE = re.compile(
    r"\b(?:more|most|less|least|better|best|harder|hardest|stronger|strongest|weaker|weakest|bigger|biggest|wider|widest|broader|"
    r"broadest|brighter|brightest|happier|happiest|sadder|saddest|angrier|angriest|madder|maddest|higher|highest|lower|lowest|"
    r"deeper|deepest|smaller|smallest|calmer|calmest)\b"
)
_ENDS = re.compile(
    r"\b(?:start|beginning|first)\b.*\bend\b|\bend\b.*\b(?:start|beginning)\b|\btowards? the end\b|"
    r"\b(?:get|gets|getting|become|becomes|becoming|grow|grows|growing) (?:more|less|stronger|weaker|happier|sadder|angrier|"
    r"wider|bigger|smaller|brighter|deeper)\b"
)
_ONE_SIDE = re.compile(r"\b(?:one|left|right) (?:\w+ )?(?:side|half|corner|brow|eyebrow|eye|lid|cheek)\b")
_COMPARES = re.compile(r"\b(?:compare\w*|comparison|differ\w*|same|alike|others?|all|both|each|everyone|everybody|they|them)\b")
_STEPS = {"a": 1.0, "one": 1.0, "half a": 0.5, "two": 2.0, "three": 3.0}
SHIFT = re.compile(rf"\b({'|'.join(_STEPS)}|\d{{1,3}}(?:\.\d)?) ?s(?:ec(?:ond)?s?)? (later|after|earlier|before)\b")
_RUDE = re.compile(r"\b(?:fuck\w*|shit\w*|idiot\w*|stupid|dumb|useless|suck|sucks|crap|moron|garbage|rubbish)\b")
_WRONG = re.compile(r"^(?!.*\b(?:say|write|answer|report|output|print|tell|from now)\b).*"
                    r"\b(?:you'?re|you are|ur|u are) (?:\w+ )?(?:blind|wrong|mistaken|crazy|kidding)\b")
_FAKED = re.compile(r"\bfak(?:e|ing|ed)\b(?!.*\b(?:tears?|crying|accent|id)\b)")
_FEIGNED = re.compile(r"\b(?:injur\w*|pain\w*|foul\w*|ill\w*|sick\w*|hurt\w*|faint\w*)\b")
_PLAINLY_ASKED = re.compile(r"(?:is|are|was|were|does|do) (?:he|she|they) (?:look |so )?\w+\W*$")
_TEARS = re.compile(r"\b(?:cry|cries|crying|cried|tears?|weep\w*|sob(?:s|bing)?)\b")
_INSIDE = re.compile(r"\b(?:inside|inwardly|deep down|heart)\b")
_NOT_MEASURED = re.compile(
    r"\b(?:tongue|teeth|tooth|glasses|sunglasses|beard|moustache|mustache|hair|hat|"
    r"(?<!right[- ])(?<!left[- ])hands?|earrings?|make-?up|lipstick|iris|gaze)\b")
_PROS_AND_CONS = re.compile(r"\bpros (?:and|&|n) cons\b|\b(?:speaks?|evidence|arguments?) (?:both )?for and against\b")
_SECOND = re.compile(r"\brunner[- ]?up\b|\bsecond (?:one|best|place|label)\b|\bnumber two\b")
_MIND = re.compile(
    r"\b(?:change|flip|switch|swing) (?:your|its|the) (?:mind|answer|reading|verdict|conclusion|judg\w+|label)\b")
_INSISTS = re.compile(  # after a refusal
    r"\b(?:so strict|just (?:guess|tell me(?! what)|this once)|(?:had|have) to guess|a guess|guess anyway|come on|can see it|"
    r"between us|i won'?t tell|try anyway)\b|^\W*(?:pls|please|plz)\W*$")
_NEXT = re.compile(  # "and who least?"
    r"^\W*(?:and |then )?(?:who(?:'s| is| has)? |which(?: one)? |the )*(?:is |has )?(?:the )?(?:second|third|least|most)\b")
_ABOUT = re.compile(r"^\W*(?:whats?|why)\b.*\b(?:about|at|for)\W*$")  # "what is she smiling about?"
_LANGUAGE = re.compile(
    r"\b(?:in|auf|en|speak|to) (?:german|deutsch|french|français|spanish|español|italian|portuguese|russian|chinese|japanese|"
    r"arabic|turkish|hindi|polish|dutch|korean)\b"
)
_RATHER = re.compile(r"\b(?:and not|but not|not|instead of|rather than|over) (?:\w+ )?(?:like )?(\w+)")
_NOT_THIS_BUT = re.compile(
    r"\bnot (?:\w+ )?\w+\W+(?:\w+ ){0,2}?(?:it'?s|that'?s|this is|it is|that is|she'?s|he'?s|but)\b(.*)")
_WHY_SO = re.compile(r"\bwhy (?:do |did |would )?(?:you|u) (?:say|call|read|think|claim)\b")
_OPEN_OR_SHUT = re.compile(r"\b(?:open|closed|shut|parted|pressed)\b.* or .*\b(?:open|closed|shut|parted|pressed)\b")
NAMES_UNITS = ("there", "absent", "strength", "side", "when", "cause", "au")
TAKES_SIDE = ("there", "absent", "strength")
READ_AS = ("refuse", "is", "whynot", "label", "other", "mood", "intent", "toward", "unclear", "offtopic", "at", "when")
MINDED = ("why", "label", "sure", "unclear", "other", "whynot", "is", "strongest")
NAMES_LABEL = ("is", "why", "whynot", "toward", "listed")
OVER_TIME = ("there", "absent", "strength", "smile", "is", "at", "moments", "course", "strongest", "other")
REPEATED = ("there", "absent", "strength", "side", "cause", "part", "label", "is", "why", "sure", "smile", "mood", "words",
            "movements", "strongest", "rest")  # asked again of another face: "and the left one?"
COMPARABLE = ("there", "absent", "strength", "strongest", "weakest", "side", "is", "other", "label", "faces", "movements",
              "refuse", "unclear", "offtopic", "outside", "smile", "sides", "who", "part", "mood", "sure", "rest")


def _any_word(words: tuple[str, ...]) -> re.Pattern:
    return re.compile(rf"\b(?:{'|'.join(words)})\b")


_LABELS = {
    label: _any_word(tuple(w for w in (*ADJECTIVES[label], *NOUNS[label], *COMPARED.get(label, ()))
                           if w not in UNSURE))
    for label in LABELS
}
_LONG = {w: label for label in LABELS for w in (*ADJECTIVES[label], *NOUNS[label]) if len(w) >= 5 and w not in UNSURE}


def correct_call(call: Call, question: str, last: str = "", older: str = "") -> Call:
    """The call with what the question's own words leave no choice about. last: the call of the question before, which this
    one may follow on, older: of the one before that; empty for a first question."""
    text = question.lower()
    if not last and set(re.findall(r"\w+", text)) <= _NOTHING:
        return UNCLEAR
    if (why := reason(text)) and not (call.name in ("refuse", "grounds") and asks_for(call.word, text)):
        return Call("refuse", word=why)
    if call.is_particular:
        return _with_own_codes(call, text) if call.name == "agree" else call
    if (time := _later_moment(text, last)) is not None:
        return Call("at", time=time)
    if names_one(text) and not call.units and words_of(NAMED.sub(" ", text)) <= _AROUND_A_PART:
        return parse(last) if parse(last).name in REPEATED else Call("label")
    insists = parse(last).name == "refuse" != call.name and _INSISTS.search(text)
    if (insists or (parse(last).name == "faces" and _NEXT.search(text))) and not (labels_in(text) or _names_movement(text)):
        return parse(last)
    if call == Call("at", word="middle") and names_one(text):
        call = Call("movements")  # "what is the middle one doing?"
    call = correct_by_words(call, text)
    for rule in (_correct_small_talk, _correct_comparison, _correct_part, _correct_label, _correct_codes, correct_muscle,
                 _correct_side):
        call = rule(call, text, bool(last))
    call = correct_facs(call, text, labels_in(text))
    return correct_follow_up(call, text, last, older) if last else call


def _with_own_codes(call: Call, text: str) -> Call:
    """An own coding with all codes that stand in the question, and their letters as levels: "1+2+6C+12D"."""
    letters = {f"AU{int(n):02d}": level_of_letter(letter) for n, letter in _GRADED.findall(text)}
    coded = [au for au in (*codes_in(text), *letters) if int(au[2:]) in AUS]
    told = {au for units in call.units for au in units} | set(call.edits)
    if not coded or call.label:
        return call
    levels = {au: level for au, level in letters.items() if au in coded and call.edits.get(au) != 0}
    levels |= {au: 0.0 for n in _DENIED.findall(text) if int(n) in AUS and (au := f"AU{int(n):02d}") not in levels}
    units = (*call.units, *((au,) for au in dict.fromkeys(coded) if au not in told))
    kept = tuple(movement for movement in units if not (len(movement) == 1 and movement[0] in levels))
    return replace(call, units=kept, edits=call.edits | levels)


def _later_moment(text: str, last: str) -> float | None:
    """ "and a second later?" after a question for a moment: that moment (s)."""
    before, shift = parse(last), SHIFT.search(text)
    if before.name != "at" or before.time is None or not shift:
        return None
    step = _STEPS.get(shift[1]) or float(shift[1])
    return round(max(0.0, before.time + (step if shift[2] in ("later", "after") else -step)), 2)


def _correct_part(call: Call, text: str, follows: bool) -> Call:
    """A part of the face and nothing that says what of it: "eyebrows??", "and the lips?"."""
    words = re.findall(r"[a-z']+", _UP_TO.sub(" ", text))
    parts = {_PART[w] for w in words if w in _PART}
    if len(parts) != 1 or codes_in(text) or not (call == UNCLEAR or set(words) <= _AROUND_A_PART | set(_PART)):
        return call
    part = parts.pop()
    heard = follows and (call.name == "edit" or any({*units} <= {*PARTS_OF_FACE[part]} for units in call.units))
    return call if heard else Call("part", word=part)  # "the lids?" after "is the brow raised?" may be about one movement


def parts_of_face(question: str) -> list[str]:
    """The parts of the face in a question that names several and says nothing of them: "brows and mouth, please"."""
    words = re.findall(r"[a-z']+", _UP_TO.sub(" ", question.lower()))
    if _HALVES.search(question.lower()):
        return re.findall(r"(?:upper|lower) (?:face|half)", question, re.IGNORECASE)
    named = {_PART[w]: w for w in reversed(words) if w in _PART}
    alone = len(named) > 1 and set(words) <= _AROUND_A_PART | set(_PART)
    return list(reversed(named.values())) if alone else []


def part_in(question: str) -> str:
    """The one part of the face that a question names, without a movement that has a name; empty where it is none or several."""
    text = question.lower()
    parts = {_PART[w] for w in re.findall(r"[a-z]+", text) if w in _PART}
    return parts.pop() if len(parts) == 1 and not units_in(text) else ""


def _correct_small_talk(call: Call, text: str, _: bool) -> Call:
    """Abuse is no thanks, "in German, please" is about languages, and a smile that may be faked is still a smile."""
    if call == Call("refuse", word="truth") and _FAKED.search(text) and not labels_in(text) and not _FEIGNED.search(text):
        return Call("smile")  # what can be said of it: with or without the cheeks
    if (units := units_in(text)) and (
            (call.name == "outside" and _ABOUT.search(text)) or (call.name == "cause" and not {*units} & {*call.units[0]})):
        return Call("cause", (units,))
    if call.name in ("there", "absent") and len(call.units) == len(movements_in(text)) == 1 and not {*units} & {*call.units[0]}:
        return replace(call, units=(units,)) if units else call
    if call.name in ("there", "absent", "side", "strength") and re.search(EYES_WIDE[0], text) and len(call.units) == 1:
        return replace(call, units=EYES_WIDE[1:])
    if call == Call("refuse", word="instructions") and labels_in(text) and _WRONG.search(text) and not reason(text):
        return Call("whynot", label=labels_in(text)[0])  # "he is furious, you're blind"
    if call == Call("refuse", word="attraction") and labels_in(text) and not reason(text):
        return Call("is", label=labels_in(text)[0])  # "rate the happiness from 1 to 10"
    if call == Call("refuse", word="feelings") and labels_in(text) and _PLAINLY_ASKED.match(text):
        return Call("is", label=labels_in(text)[0])  # "is he angery"
    if call == Call("smile") and (set(labels_in(text)) - {"happiness", "neutral"}) and not units_in(text):
        return Call("refuse", word="feelings")  # "is that a fake sad face?"
    if _TEARS.search(text) and call.name in READ_AS and call.word != "truth" and not (labels_in(text) or _INSIDE.search(text)):
        return Call("outside")
    part_of_none = call.name == "part" and not part_in(text)  # "her hand hides it: what of the brows?" is about the brows
    seen = part_of_none or call.name in ("rest", "unclear") or (
        call.name in ("cause", "there", "absent") and not _names_movement(text))
    if _NOT_MEASURED.search(text) and (seen or call == Call("refuse", word="attraction")):
        return Call("outside")
    if _PROS_AND_CONS.search(text):
        return Call("why", label=next(iter(labels_in(text)), ""))
    if _RUDE.search(text) and call.name in ("thanks", "hello", "bye"):
        return Call("offtopic")
    return Call("language") if _LANGUAGE.search(text) and call.name in ("offtopic", "unclear", "label", "why", "tell") else call


def correct_by_reading(call: Call, question: str, ranked: list[str], last: str = "") -> Call:
    """The call with what depends on how the face is read. Why not the label that is read? Of two labels in the question the
    other one is meant. And what would change it leads to the next one. ranked: labels, the likeliest first; last: the call of
    the question before."""
    asked = labels_in(question.lower())
    others = [one for one in asked if one != ranked[0]]
    if not asked and (apart := labels_told_apart(call, question, ranked, last)):
        return apart
    if not asked and call.name in MINDED and _MIND.search(question.lower()):
        return Call("toward", label=ranked[1])
    if call.name == "whynot" and not asked and _SECOND.search(question.lower()):
        return Call("whynot", label=ranked[1])
    if call.name == "sure" and len(asked) == 2 and len(others) == 1:
        return Call("whynot", label=others[0])
    return replace(call, label=others[0]) if call == Call("whynot", label=ranked[0]) and len(others) == 1 else call


def labels_in(text: str) -> list[str]:
    """Labels with a word in a text of small letters, also a mistyped one of five letters or more."""
    labels = [label for label in LABELS if _LABELS[label].search(text)]
    if not labels:
        words = [w for w in re.findall(r"[a-z]+", text) if len(w) >= 4]
        close = [m for w in words if not w.startswith("expression")
                 for m in difflib.get_close_matches(w, _LONG, 1, 0.85) if m[0] == w[0]]
        labels = list(dict.fromkeys(_LONG[m] for m in close))
    return labels


def _names_movement(text: str) -> bool:
    """Whether a text of small letters names a movement or a part of the face."""
    return bool(units_in(text) or codes_in(text) or set(re.findall(r"[a-z]+", text)) & set(_PART))


def _correct_comparison(call: Call, text: str, _: bool) -> Call:
    """Who of several faces, or which moment, in the movement or the label that is compared."""
    if call == Call("refuse", word="feelings") and _INSIDE.search(text):
        return call
    labels = labels_in(text)
    units = call.units[:1] or ((units_in(text),) if units_in(text) else ())
    if call == Call("faces") and names_one(text) and not (_COMPARES.search(text) or _MORE.search(text) or _WHO.search(text)):
        return Call("label")  # "and the one on the right?"
    if call == Call("mood") and _EVERYONE.search(text):
        return Call("faces")
    from_a_side = call.name == "moments" and re.search(r"\bfrom (?:the )?(?:left|right)\b", text)
    if not (units or labels) and len(NAMED.findall(text)) > 1 and (call.name in COMPARABLE or from_a_side):
        return Call("faces")
    if len(labels) > 1 or not (units or labels) or (len(call.units) > 1 and not _EVERYONE.search(text)):
        return call
    if _ENDS.search(text) and call.name in OVER_TIME:
        return Call("moments", () if labels else units, labels[0] if labels else "")
    several = (_EVERYONE.search(text) or (_MORE.search(text) and (_WHO.search(text) or _THAN.search(text)))
               or len(NAMED.findall(text)) > 1)
    # "Who is smiling?" asks for no unit in general.
    comparable = call.name in COMPARABLE or (call.name == "au" and not codes_in(text))
    if not comparable or not (several or call.name == "faces"):
        return call
    if re.search(r"\bleft\b.*\bright\b|\bright\b.*\bleft\b", NAMED.sub(" ", text)) or _ONE_SIDE.search(text):
        return Call("sides", units) if units and call.name != "side" else call
    return Call("faces", () if labels else units, labels[0] if labels else "")


def _correct_label(call: Call, text: str, _: bool) -> Call:
    labels, other = labels_in(text), bool(feelings_in(text))
    if call.name in ("why", "whynot", "is", "other") and len(labels) == 2 and (held := _NOT_THIS_BUT.search(text)):
        asked = labels_in(held[1])  # "that's not disgust, that's joy"
        return Call("whynot", label=asked[0]) if len(asked) == 1 else call
    if call.name in ("why", "whynot") and len(labels) == 2 and (rather := _RATHER.search(text)):
        asked = labels_in(rather[1])  # "why anger and not disgust?" asks for the second
        return Call("whynot", label=asked[0]) if len(asked) == 1 else call
    if call.name == "order" and not call.units and len(labels) > 1:
        return Call("other", label="/".join(labels))  # "fear, anger or surprise: which is first?"
    if call.name == "cause" and len(labels) == 1 and _WHY_SO.search(text):
        return Call("why", label=labels[0])
    if call.name == "other" and len(labels) == 1 and not other:
        return Call("why" if text.startswith(("why", "what makes")) else "is", label=labels[0])
    if call.name in ("is", "unclear", "why", "whynot") and other and not labels:
        return Call("other")
    if call.name in NAMES_LABEL and call.label and len(labels) == 1 and call.label not in labels and not other:
        return replace(call, label=labels[0])
    return call


def _correct_codes(call: Call, text: str, _: bool) -> Call:
    codes, asked = codes_in(text), {au for units in call.units for au in units}
    if codes and call.name == "listed" and not labels_in(text):
        return Call("au", tuple((au,) for au in codes), word="readings")
    if codes and (call.name in ("unclear", "offtopic") or call == Call("topic", word="facs")):
        return Call("au", tuple((au,) for au in codes))
    if (missing := [au for au in codes if au not in asked]) and call.name in NAMES_UNITS:
        unknown = [au for au in missing if int(au[2:]) not in AUS]
        kept = call.units if asked & set(codes) else ()  # none of the codes is in the call: its units were misread
        added = tuple((au,) for au in unknown or missing)
        return Call("au", added) if unknown else replace(call, units=(*kept, *added))
    if call.name == "edit" and len(codes) == len(call.edits) == 1 and int(codes[0][2:]) in AUS:
        return replace(call, edits={codes[0]: next(iter(call.edits.values()))})
    return call


def _correct_side(call: Call, text: str, follows: bool) -> Call:
    if call.name == "side" and _OPEN_OR_SHUT.search(text):
        return Call("there", call.units)  # "is her mouth more open or more closed?"
    if call.name not in TAKES_SIDE or call.side == "both":
        return call
    text = NAMED.sub(" ", text)  # "the guy on the left" is a face, not a side of one
    sides = {side for groups in _SIDE.findall(text) for side in groups if side}
    sides |= {{"l": "left", "r": "right"}[side] for side in _CODED_SIDE.findall(text)}
    if len(sides) == 1:
        return replace(call, side=sides.pop())
    unsaid = not (follows or sides) and not re.search(r"\bleft\b|\bright\b(?! *\?| *$)", text)  # "they are raised, right?"
    return replace(call, side="") if call.side and unsaid else call
