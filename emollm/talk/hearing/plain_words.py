"""Words of a question that leave one call, and what a small model takes them for."""

from __future__ import annotations

import re

from emollm.talk.hearing.refusal_words import reason
from emollm.talk.terms.call import Call, parse

_SOMEBODY = r"(?:he|she|they|somebody|someone|(?:this|the|that) (?:\w+ )?(?:person|man|woman|guy|girl|boy|lady|kid|child))"
_PEOPLE = r"(?:\w+ )?(?:face|person|man|woman|guy|girl|boy|lady|kid|child|he|she)"
_HONEST = r"(?:forced|fak(?:e|ed|ing)|posed|genuine|sincere|insincere|honest|felt|polite|social|natural|real)"
_PICTURES = r"(?:data|pictures?|photos?|images?|clips?|videos?|faces?)"
_KEEP = r"(?:keep(?! an eye)|kept|stor(?:e|ed|ing)|sav(?:e|ed|ing)|upload\w*|shar(?:e|ed|ing)|delet\w+)"
_FELT = (r"happiness|joy|sadness|sorrow|grief|anger|rage|fear|surprise|disgust|contempt|emotions?|feelings?|"
         r"happy|sad|angry|afraid|scared|surprised|disgusted")
# Words, the calls that they are taken for, and the call that they ask for.
_ROWS = (
    (rf"\b{_HONEST} (?:\w+ )?(?:smil\w*|grin)|\b(?:smil\w*|grin) (?:\w+ )?{_HONEST}\b|\beyes? (?:\w+ )?smil|\bsmiling eyes|"
     r"smil\w* (?:along )?with (?:the|his|her|their) eyes", "there absent strength is other refuse", "smile"),
    (rf"\b(?:{_HONEST}|authentic|sincerely|genuinely) (?:\w+ )?(?:{_FELT})\b|\b(?:{_FELT}) (?:\w+ )?(?:{_HONEST}|authentic)\b",
     "is label sure whynot unclear other words mood why", "refuse feelings"),
    (rf"^(?!.*\b(?:{_HONEST}|duchenne|true|eyes?|cheeks?|kind|type|sort|both|reach\w*)\b).*"
     rf"\b(?:is|are) {_SOMEBODY} smiling\b",
     "smile", "there AU12"),
    (r"\b(?:all|each|every|full|complete|whole|entire)\b(?!.*\b(?:movements?|units?|aus?)\b)[^?.]*"
     r"\b(?:probabilit\w+|percent\w*|shares?|scores?|distribution|confidences?|likelihoods?|odds|chances)\b|"
     r"\b(?:probabilit\w+|percent\w*|scores?|label) (?:distribution|breakdown|of each|for each|of all|for all)\b|"
     r"\b(?:distribution|breakdown) (?:over|of|across) (?:the |all )?(?:labels?|emotions?|expressions?|classes|readings?)\b|"
     r"\b(?:table|list|chart) of (?:the |all )*(?:probabilit\w+|scores|shares|labels|emotions)\b|"
     r"\ball (?:the )?(?:eight|8)\b(?!.*\b(?:movements?|units?|aus?|faces?|people)\b)",
     "sure label other is tell words mood unclear movements why offtopic able", "shares"),
    (r"\bin the way\b|\bbehind (?:the|his|her|a|that|this)\b|"
     r"\b(?:cover|hid|block|obscur|occlu)\w*\b.*\b(?:measure|see|tell|judge)|"
     r"\b(?:see|measure|tell|judge)\b.*\b(?:cover|hid|block|obscur|occlu)\w*|"
     r"\b(?:glasses|mask|hand|microphone|scarf|hair|beard)\b.*"
     r"\b(?:problem|disturb|bother|matter|prevent|interfere|affect|measur)",
     "outside offtopic unclear", "unseen"),
    (r"\b(?:cover|hid|block|obscur|occlu)\w*\b.*\b(?:manage\w*|able) to (?:measure|see)\b|"
     r"\b(?:did|could|can) you (?:still )?measure\b",
     "there absent part movements able", "unseen"),
    (rf"^\W*(?:is|are) (?:{_FELT}) (?:an? |always |ever |really |good |bad )", "listed unclear offtopic", "topic feelings"),
    (rf"\b{_HONEST}(?:[- ]look\w*)? smiles?\b.*\b(?:have|has|consist\w*|made|need\w*|movements?|units?|aus?)\b|"
     rf"\b(?:movements?|units?|aus?)\b.*\b{_HONEST}(?:[- ]look\w*)? smiles?\b", "au listed", "topic duchenne"),
    (rf"\bwhat(?:'?s| is| are| does) (?:the |this |that )?{_PEOPLE}\b.*\bshow(?:s|ing)?\W*$",
     "outside offtopic unclear", "why"),
    (r"\bbasic emotions?\b", "topic sure listed unclear offtopic who refuse", "topic basic"),
    (r"\bbar(?:ed|e|ing|es) (?:\w+ )?teeth|\bteeth (?:are )?bared|\bshow\w* (?:\w+ )?teeth", "au", "au AU10 AU25"),
    (r"\binner or (?:the )?outer\b|\bouter or (?:the )?inner\b", "side there strength absent part", "more AU01 AU02"),
    (r"\bcorners?\b.*\b(?:lower(?! than)|droop\w*|hang\w*|sag\w*)\b(?! lip)", "side", "side AU15"),
    (r"\b(?:his|her|their|person'?s) (?:own )?(?:left|right)? ?or (?:mine|yours|ours|my own)\b",
     "refuse side who unclear there", "topic asymmetry"),
    (r"^\W*(?:ty|tysm|thx|tnx|cheers|ta)\W*$", "unclear offtopic", "thanks"),
    (r"\broll\w* (?:his|her|their|the) eyes\b", "there absent", "outside"),
    (r"^\W*accuracy\W*$", "sure", "topic accuracy"),
    (r"\bbullet", "movements label strongest count sure", "tell bullets"),
    (r"\bdoing with (?:the|his|her|their|its) face\b|\bwhat(?:'s| is| are) (?:the|his|her|their) faces? doing\b",
     "label cause part there other", "movements"),
    (r"\bjson\b", "movements label why unclear offtopic outside strongest count sure able tell is", "tell json"),
    (rf"\b{_SOMEBODY} (?:\w+ )?needs? (?!psych|medic|mental|profession)(?:\w+ )?"
     r"(?:help|comfort\w*|support|hug|friend|company|somebody|someone|a break)\b|"
     rf"\b(?:is|are|was) {_SOMEBODY} (?:ok|okay|all ?right|alright|fine)\b|"
     r"\bshould (?:i|we) (?:help|comfort|console|worry|check on|leave|hug)\b",
     "refuse label is mood other unclear outside offtopic intent able why there words sure", "reply"),
    (r"\b(?:dominant|main|overall|predominant|prevailing) (?:\w+ )?(?:expression|emotion|label|reading|feeling|mood)\b",
     "course movements strongest moments", "label"),
    (rf"\b{_PICTURES}\b.*\b{_KEEP}\b|\b{_KEEP}\b.*\b(?:my|this|the|her|his|any) {_PICTURES}\b",
     "refuse unclear offtopic outside", "topic privacy"),
    (r"\bwhat (?:could|can)(?:n't|nt|'t|not| not) you (?:see|judge|measure|read|tell)\b|"
     r"\b(?:block|occlud|hid|cover)\w* (?:anything|something|any (?:of|part)|parts?)\b",
     "absent cause there outside part", "unseen"),
    (r"\b(?:which|what) (?:direction|way)\b.*\bhead\b|\bhead\b.*\b(?:turned|tilted|degrees|facing)\b.*"
     r"(?:\bdegrees\b|\b(?:which|what) way\b)",
     "topic side sides there label unclear", "outside"),
    (r"\b(?:timeline|chronolog\w*|time course)\b", "tell movements strongest", "course"),
    (r"\bwho (?:came up|invented|named|coined|says|said|described|decided)\b|\baccording to (?:who|what)",
     "refuse who label why", "topic sources"),
    (r"\b(?:psychologist|psychiatrist|expert|specialist|coder)s? (?:\w+ )?"
     r"(?:agree|disagree|say the same|see the same)\b",
     "refuse is label unclear", "topic accuracy"),
    (r"\b(?:which|what) (?:bits?|parts?|areas?|regions?|units?)\b.*"
     r"\b(?:still|rest|quiet|relaxed|not mov\w*|unmoved|inactive)\b",
     "rest movements", "still"),
    (r"\bhow (?:accurate|reliable|precise)\b|\btrust (?:the|this|your|these) (?:results?|measure\w*|answers?|outputs?|tool)\b|"
     r"\berror (?:rate|margin)\b", "sure is label", "topic accuracy"),
    (r"\bhow (?:do|does|did|can) (?:you|it|the program|this program) (?:locate|find|detect|compute|calculate|measure)\b|"
     r"\b(?:explain|describe) (?:your|the) method\b", "part why there movements unclear offtopic", "topic method"),
    (r"\bwhat (?:does|is) (?:an? |the )?'?(?:trace|slight|marked|pronounced|extreme)\b.*\bmean", "topic strength unclear",
     "topic levels"),
    (r"\bwhose (?:left|right)\b|\b(?:left|right)\b.*\b(?:as seen|seen by|from (?:my|the viewer'?s?|his own|her own))\b",
     "refuse side sides there unclear who", "topic asymmetry"),
    (r"\b(?:next|another|different|new) (?:picture|photo|image|clip)\b", "faces edit unclear offtopic", "topic compare"),
    (r"\bhow (?:does|did) (?:the |this )?(?:clip|video|recording|film|face) (?:close|finish|end|conclude)\b", "moments course",
     "at end"),
    (r"\b(?:which|what) (?:model|llm|ai|program) are you\b|\bare you (?:chat ?gpt|gpt\S*|an? (?:ai|bot|robot|human))\b",
     "topic offtopic unclear able", "who"),
    (r"\bdo(?:es)? (?:an? |every |all )?(?:smil\w+|frown\w*|expressions?|faces?)\b.*\b(?:mean|prove|show)s?\b.*"
     r"\b(?:somebody|someone|people|a person|you) (?:is|are|feels?)\b", "cause au listed intent", "topic feelings"),
    (r"\b(?:l(?:ie|ies|ying)|deceptions?|deceit)\b.*\b(?:seen|show|visible|detect\w*|betray\w*|sign|indicat\w*|in au ?\d)",
     "au unclear offtopic cause there listed", "grounds truth"),
    (r"(?<![+\w])(?:au ?)?[1-9]\d?[a-e]\b(?! ?\+)", "topic unclear offtopic sure", "topic levels"),
    (r"\b(?:trying|tries|want\w*|meant|supposed) to (?:say|express|tell|convey|signal|communicate)\b",
     "part cause movements there unclear label", "intent"),
    (r"^\W*(?:(?:is|are) (?:he|she|they) )?(?:still )?(?:awake|asleep)\W*$", "unclear other outside is", "absent AU43/AU45"),
    (r"\bone eye\b", "there absent", "side AU43/AU45"),
    (r"\bcoder (?:\w+ )?(?:write|note|code|put|say)\b|\b(?:levels?|letters?|intensit\w+|grades?) (?:from )?a (?:to|-) e\b.*"
     r"\b(?:every|all|each)", "tell movements label topic", "tell coder"),
    (r"^(?!.*\b(?:coder|facs|codes?|notation|letters?)\b).*\b(?:one|single) (?:sentence|line)\b", "tell label", "tell short"),
    (r"\bwho (?:built|made|created|developed|programmed|wrote|trained|designed|is behind) (?:you\b|(?:this|the|your|that) "
     r"(?:\w+ )?(?:tool|program\w*|software|app|model|system|bot)\b)", "intent refuse topic unclear offtopic able label",
     "who"),
    (r"^\W*(?:how (?:r|are) (?:u|you|ya)(?: (?:doing|today|going))*|how(?:'s| is) it going|what'?s up|sup|wass?up)\W*$",
     "unclear offtopic other mood refuse", "hello"),
    (rf"\b(?:proof|prove[sd]?|evidence) (?:that )?(?:{_SOMEBODY}|people) (?:\w+ )?(?:was|were|is|are|felt|feels?)\b",
     "whynot why is label sure there unclear toward listed", "topic feelings"),
    (r"^(?!.*\b(?:smil\w*|grin\w*)\b).*\b(?:be|is|are|was|were|he|she|they) (?:\w+ )?(?:acting|pretending|posing|faking it|"
     r"putting (?:it|this) on)\b", "cause there is label other unclear outside whynot sure", "topic posed"),
    (r"^(?!.*\b(?:smil\w*|grin\w*)\b).*\b(?:acting|pretending|performed|played|staged|put on)\b", "refuse", "topic posed"),
    (r"^\W*(?:and |the )*upper (?:face|half)\W*$", "unclear there movements rest faces", "part upper"),
    (r"^\W*(?:and |the )*lower (?:face|half)\W*$", "unclear there movements rest faces", "part lower"),
    (r"\bwink(?:s|ed|ing)?\b", "there absent strength side other is", "side AU43/AU45"),
    (r"^(?!.*[a-z]{2}).*[^\W\d_a-z].*[^\W\d_a-z]", "outside offtopic unclear who label", "language"),  # no Latin letters
)
_PART_UNITS = re.compile(
    r"\b(?:which|what) (brow|eyebrow|eye|mouth|lip|cheek|nose|chin)s? (?:units?|aus?|action units?|movements?)\b")
_OF_A_PART = re.compile(  # what can be told of a part that may be hidden
    r"\b(?:still (?:say|see|tell|measure|read|judge)|trust|rely on)\b.*"
    r"\b(eyebrow|brow|eye|mouth|lip|cheek|nose|chin|upper|lower)")
_PLAIN = tuple((re.compile(words), instead_of.split(), parse(call)) for words, instead_of, call in _ROWS)


def correct_by_words(call: Call, text: str) -> Call:
    """The call that the words of a text in small letters leave no choice about; a refusal that they bear out stays one."""
    if call.name == "refuse" and reason(text):
        return call
    part = _PART_UNITS.search(text) if call.name in ("there", "absent", "strength", "au") else None
    part = part or (_OF_A_PART.search(text) if call.name in ("outside", "unclear", "topic", "offtopic") else None)
    if part:
        return Call("part", word={"eyebrow": "brows", "lip": "mouth", "brow": "brows", "eye": "eyes", "cheek": "cheeks"}.get(
            part[1], part[1]))
    return next((meant for words, instead_of, meant in _PLAIN if call.name in instead_of and words.search(text)), call)
