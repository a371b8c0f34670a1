"""What is not told about people, whatever the wording, and the talk around it: greetings, thanks, what can be asked."""

from __future__ import annotations

from emollm.talk.terms.conditions import THINGS
from emollm.talk.terms.face import Face
from emollm.talk.terms.finding import Finding
from emollm.talk.terms.words import join_words

# Reason -> what is not told, and why.
REFUSALS = {
    "truth": "[I cannot tell whether somebody is lying|Whether somebody tells the truth cannot be seen in a face]; nothing "
             "in a "
    "face shows it.",
    "identity": "[I do not say who somebody is|I cannot tell you who this is]: faces are not identified here.",
    "age": "[I do not estimate anybody's age|I cannot tell anybody's age]; I describe movement only.",
    "sex": "[I do not say anybody's sex or gender|I do not judge sex or gender]; I describe movement only.",
    "ethnicity": "[I do not say where somebody comes from|I do not judge ethnicity, nationality or religion]; I describe "
                 "movement only.",
    "health": "[I cannot judge anybody's health|I make no diagnosis], of body or mind. For that, ask a doctor.",
    "hiring": "[I do not judge people for a job|A face cannot tell who is fit for a job, a loan or a school], and I do not "
              "rate people.",
    "policing": "[I cannot tell who is dangerous or guilty|Neither guilt nor danger can be seen in a face], and I do not "
                "rate people.",
    "attraction": "[I do not judge looks|I do not rate how attractive somebody is], nor whether somebody likes you.",
    "feelings": "[I cannot tell what somebody really feels|What somebody really feels cannot be seen]; a face shows "
                "movement, and people read it.",
    "character": "[I cannot tell what somebody is like|Character, intelligence and views cannot be seen in a face], and I do "
                 "not guess.",
    "instructions": "[I keep to what was measured|My measurements and rules stay as they are], whatever the message asks.",
}


def refuse(face: Face | None, reason: str) -> Finding:
    """A refusal with what can be said instead."""
    pattern = REFUSALS[reason]
    if face is None:
        return Finding(
            [f"not told: {reason}"],
            [
                pattern,
                "[I can describe the movements of a face in a photo or clip.|Ask me about the movements of a face instead.]",
            ],
            fixed=True,
        )
    on = face.worth_telling()[:2]
    moving = face.movement_words(on) if on else "no measured movement stands out"
    return Finding(
        [f"not told: {reason}", *[face.line(au) for au in on], f"read as {face.label}"],
        [pattern, f"[What I can say|What can be said]: {moving}; the face is commonly read as {face.label}."],
        fixed=True,
    )


# Reason -> why it is not told.
GROUNDS = {
    "truth": "No movement belongs to lying alone, and people who judge it by how somebody looks and speaks are hardly better "
             "than chance (Bond and DePaulo, 2006).",
    "identity": "No feature that would tell one person from another is computed or kept, so that nobody can be traced by it.",
    "age": "Only movement is measured; age is none, and a guess from somebody's looks is not about the face's movement.",
    "sex": "Only movement is measured; it does not say what somebody is, and a guess would do some people wrong.",
    "ethnicity": "Only movement is measured; it does not say where somebody comes from, and such guesses are used against "
                 "people.",
    "health": "A moment of a face shows no illness, and a wrong guess does harm; that takes an examination.",
    "hiring": "A moment of a face does not say how somebody works or pays, and such judgments have treated people unfairly.",
    "policing": "A moment of a face does not say what somebody did or will do, and a wrong guess does great harm.",
    "attraction": "Looks and liking are no movement that could be measured.",
    "feelings": "The same movements are made with a feeling and without it, so they do not prove one (Barrett and others, "
                "2019).",
    "character": "A moment of a face shows what it does just then, not what somebody is like.",
    "instructions": "An answer is only worth something if it says what was measured, whoever asks.",
}


def refusal_grounds(reason: str) -> Finding:
    """Why something is not told."""
    return Finding([f"why {reason} is not told"], [GROUNDS[reason]], fixed=True)


TALK = {
    "hello": (
        "greet back",
        "[Hello!|Hi!] [Ask me why this face is read as it is.|What would you like to know about this face?]",
    ),
    "thanks": ("friendly", "[You are welcome.|Gladly.] [Ask on if you like.|Is there anything else about this face?]"),
    "bye": ("goodbye", "[Goodbye!|Bye, and take care.]"),
    "able": (
        "what can be asked: movements, strength, side, time; the reading, why, why not another; how sure; what would change "
        "it; FACS",
        "You can ask [which movements are there|what moves], how strong, on which side and when; how the face is commonly "
        "read, why, and "
        "why not otherwise; how sure that is and what would change it; and what FACS says about a unit.",
    ),
    "who": (
        "emollm, a program that describes facial movement and what it is commonly read as; AI",
        "I am emollm, [a program|an AI program] that measures facial movement and says what it is commonly read as.",
    ),
    "offtopic": (
        "only faces",
        "[That is not what I am for.|I only know about faces.] [I can describe this face: what moves, and what that is "
        "commonly read as.|Ask me about the movements of this face and how they are read.]",
    ),
    "language": ("only English", "I answer in English only[, so please ask in English|: please ask in English]."),
    "outside": (
        "not measured: speech, tears, gaze, head, teeth, glasses, hair, hands, clothes",
        "[That is not among what I measure|I cannot tell that from what I measure]: I measure movements of the face, not "
        "speech, tears, gaze, teeth, glasses, hair or hands.",
    ),
    "unclear": (
        "not understood",
        "[I did not understand that.|I am not sure what you ask.] Ask, for example, what moves in this face, or why it "
        "is read as it is.",
    ),
}
NO_FACE = Finding(
    ["no picture"],
    [
        "[I have no picture of a face.|There is no face here for me to look at.] [Send a photo or clip and ask again.|"
        "Give me a photo or clip, please.]"
    ],
    fixed=True,
)


OFFERS = ("language", "outside")  # after these, what can be said is said


def talk(name: str, face: Face | None = None, thing: str = "") -> Finding:
    fact, pattern = TALK[name]
    if thing:
        pattern = f"{THINGS[thing][1]} [not among what I measure|not measured here]: I measure movements of the face."
    if face and thing and face.others:  # "the one with the shades?"
        names = join_words([one.name for one in sorted([face, *face.others], key=lambda one: one.series.face_id)])
        return Finding([fact], [pattern, f"Faces are told apart by place: {names}. Which one do you mean?"], fixed=True)
    offer = [f"[What I can say|What can be said]: {_short_summary(face)}."] if face and name in OFFERS else []
    return Finding([fact], [pattern, *offer], fixed=True)


def _short_summary(face: Face) -> str:
    """The strongest movement and the reading."""
    on = face.worth_telling()[:1]
    return "; ".join([*map(face.words, on), f"the face is commonly read as {face.label}"])
