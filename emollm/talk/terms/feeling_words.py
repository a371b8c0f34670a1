"""Words for a look beside the eight labels, and the label that each is nearest to.

SORTED are words that Shaver, Schwartz, Kirson and O'Connor (Emotion knowledge, J. Pers. Soc. Psychol. 52, 1987) found in the
family of a label, when people sorted words for feelings by how alike they are; most are nouns there. NEAR is this project's
own: synonyms, and what is shown with much the same face (love has a family of its own there; of the eight labels it is shown
with a smile). Of FAR none is near: states of attention or tiredness, and words that go with many faces.

A word is written as in the call, "other gloomy"; behind a colon stand its other forms.
"""

from __future__ import annotations

import re

from emollm.schema import LABELS

SORTED = {
    "happiness": "amused:amusement blissful:bliss elated:elation ecstatic:ecstasy euphoric:euphoria excited:excitement|"
    "excitedly enthusiastic:enthusiasm thrilled:thrill content:contented|contentment proud:pride|proudly triumphant:triumph "
    "eager:eagerness hopeful:hope|hopefulness optimistic:optimism relieved:relief satisfied:satisfaction jolly "
    "pleased:pleasure",
    "sadness": "gloomy:gloom glum melancholic:melancholy miserable:misery anguished:anguish despairing:despair|desperate|"
    "desperation hopeless:hopelessness grieving:grief dejected:dejection lonely:loneliness homesick:homesickness "
    "disappointed:disappointment dismayed:dismay ashamed:shame|shameful embarrassed:embarrassment humiliated:humiliation "
    "regretful:regret|remorse|remorseful pitiful:pity|pitying guilt",
    "surprise": "",
    "fear": "alarmed:alarm horrified:horror panicked:panic|panicking|panicky hysterical:hysteria anxious:anxiety "
    "nervous:nervousness uneasy:uneasiness apprehensive:apprehension worried:worry distressed:distress dreading:dread "
    "tense:tension terror:terrifying",
    "disgust": "",
    "anger": "aggravated exasperated:exasperation frustrated:frustration outraged:outrage hostile:hostility agitated:agitation "
    "grumpy grouchy bitter:bitterness hateful:hate|hatred|hating resentful:resentment spiteful:spite vengeful jealous:jealousy "
    "envious:envy",
    "contempt": "",
}
NEAR = {
    "neutral": "relaxed serene:serenity peaceful indifferent:indifference poker-faced:poker.faced? deadpan",
    "happiness": "love:in.love|loving|lovingly|loved|enamou?red|infatuated affectionate:affection tender:tenderness playful "
    "mischievous cheeky friendly approachable welcoming grateful:gratitude",
    "sadness": "heartbroken:broken.hearted|heartbreak downcast:downhearted devastated mournful:mourning "
               "nostalgic:nostalgia",
    "surprise": "startled stunned flabbergasted bewildered:bewilderment gobsmacked speechless awestruck:awe",
    "fear": "spooked petrified intimidated:intimidation insecure:insecurity shaken",
    "disgust": "revolted:revulsion nauseated sickened",
    "anger": "aggressive:aggression|aggressively livid fuming pissed-off:pissed(?:.off)? cross impatient:impatience offended "
    "indignant:indignation",
    "contempt": "smug:smugly|smugness condescending:condescension mocking:mockery haughty superior cynical:cynicism dismissive "
    "derisive sarcastic",
}
FAR = ("bored:boredom confused:confusion puzzled thoughtful:pensive focused:concentrated|concentration curious:curiosity "
       "interested:interest doubtful:doubt sceptical:skeptical|scepticism determined:determination tired sleepy exhausted "
       "shy:shyness awkward impressed distracted attentive engaged serious stressed confident lost "
       "unimpressed suspicious dreamy flirty:flirtatious|seductive")


def _forms(words: str) -> dict[str, str]:
    """Word -> what it is known by in a text."""
    return {name: rf"{re.escape(name)}{f'|{others}' if others else ''}" for name, _, others in
            (one.partition(":") for one in words.split())}


_KNOWN_BY = {name: forms for words in (*SORTED.values(), *NEAR.values(), FAR) for name, forms in _forms(words).items()}
FEELINGS = tuple(_KNOWN_BY)
NEAREST = {name: label for table in (SORTED, NEAR) for label in LABELS for name in _forms(table.get(label, ""))}
_ANY = re.compile("|".join(rf"(?P<w{k}>\b(?:{forms})\b)" for k, forms in enumerate(_KNOWN_BY.values())))
_PART = re.compile(r"\b(?:brow|eyebrow|eye|lid|nose|cheek|chin|jaw|mouth|lip|forehead)s?\b")
_OF_A_PART = re.compile(r"\b(?:relaxed|tense|tension)\b")  # said of a part of the face as well
# Who asks, and what is no feeling of the face's: "I'd love to know", "no doubt".
_OF_THE_ASKER = re.compile(
    r"\b(?:i|we|you|u|me)(?:'\w+)? (?:(?:am|are|was|would|do|don'?t|really|just|so|also|bit|a|very|not|in) )*(?:"
    r"love|hope|doubt|hate|regret|worry|fear|interest\w*|curious|confused|puzzled|sorry|impressed|lost|tired|bored|worried|confident|"
    r"serious)\b|\b(?:no|any|without|beyond|for) (?:a )?doubt\b|\bjust (?:curious|interested)\b|\bsorry\b(?= ?[,.!:]|$)|"
    r"\bhow confident\b(?! (?:does|do|he|she)\b)|\b(?:thanks|thank you|cheers|ta|please|hi|hello|ok|out|so|then) love\b|"
    r"^\W*sorry\b|\blove (?:it|that)\b|\binterest(?:ed|ing)? in\b|\bcross[- ]|"
    r"\blost (?:me|you)\b|\bis lost\b|"
    r"\bnone too \w+|\bhate (?:this|that|it)\b|\bthat'?s (?:suspicious|interesting)\b|\ba (?:pity|shame)\b")


def feelings_in(text: str) -> list[str]:
    """Words beside the eight labels in a text of small letters, in order, each once."""
    if _PART.search(text):
        text = _OF_A_PART.sub(" ", text)
    found = [FEELINGS[int(m.lastgroup[1:])] for m in _ANY.finditer(_OF_THE_ASKER.sub(" ", text))]
    return list(dict.fromkeys(found))
