"""What is not told about people, known by the question's own words: the net under the language model's refusals.

Each pattern asks for words that are hard to mean otherwise, and for a person where the subject alone is harmless ("is lying
visible in a face?" is a question about faces, "is he lying?" about somebody).
"""

from __future__ import annotations

import re

_ONE = (
    r"(?:he|she|they|him|her|them|his|their|this|that|these|those|someone|somebody|the (?:\w+ )?(?:person|man|woman|guy|girl|"
    r"boy|lady|kid|child|suspect|witness|patient|candidate|applicant|face|one|husband|wife))"
)
_ASKS = rf"\b(?:is|was|are|were|does|did|do|would|could|can|looks?|seems?|has|if|whether|think|say|tell|that) (?:\w+ )?{_ONE}\b"
_LISTENER = r"(?:daughter|son|kid|child|boy|girl|pupils?|could|can|would|understand\w*)\b"  # who is to be told, not who is seen
_HOW = r"(?:very |so |really |a |an |actually |quite |a bit )*"


def _ask_pattern(words: str) -> str:
    """A question whether somebody is this, with anything in between."""
    return rf"{_ASKS} .*\b(?:{words})\b"


# Reason of call.REFUSED -> what asks for it.
PATTERNS = {
    "instructions": (
        r"\b(?:ignore|disregard|forget|override|bypass) (?:all |any |every |your |the |my |of |prev(?:ious)?\.? |prior |these |"
        r"those |above |earlier |safety )*(?:instr\w+|rules?|measurements?|evidence|"
        r"polic(?:y|ies)|guidelines?|prompts?|limits)\b",
        r"\b(?:hidden|secret|initial|system) (?:prompt|instructions?)\b|\byour (?:prompt|instructions)\b|"
        r"^(?!.*\b(?:beard|light\w*|contrast|hand|software|tool|glasses|mask|hair|make-?up)\b).*"
        r"\b(?:invent|make up|fabricate|falsify) (?:a |an |any |some |the |your |another |more )*(?:movements?|units?|results?|"
        r"numbers?|values?|measurements?|answers?|readings?)\b",
        r"\b(?:report|output|say|answer|write|print|call)\b.*\b(?:no matter what|whatever you (?:see|saw|measured?))\b",
        r"\b(?:your|the) system (?:message|prompt)\b|\bbreak (?:your|the) rules\b",
        r"\b(?:ignore|disregard|forget) what (?:was|is|you|has been) (?:\w+ )?measured?\b|"
        r"\b(?:print|show|repeat|reveal|tell me) (?:me )?(?:the|your) (?:text|words|message|prompt) (?:that )?you "
        r"(?:were|got|are) (?:given|told)\b|^\W*(?:from now on )?you are now (?:an? )?\w+",
        r"\bjailbreak\b|\b(?:developer|debug|admin|god) mode\b|<\|im_(?:start|end)\|>",
        r"\bpretend (?:that |you |au ?\d)(?!.*\b(?:child|kid|five)\w*)",  # "pretend you explain it to a child" asks for a style
        r"^\W*(?:system|assistant|developer|admin)\s*\W*:",
    ),
    "truth": (
        _ask_pattern("lying|lies|a liar|lie|truthful|deceiving|deceptive|telling the truth|tells the truth|bluffing|"
                     "cheating"),
        r"^(?!.*\b(?:scarf|mask|hair|hand|glasses|beard)\b.*\bhiding).*" + _ask_pattern("hiding something"),
        r"\b(?:veracity|truthfulness)\b.*\b(?:statement|testimony|story|from the fac\w+)",
        r"\bfull of (?:it|shit|crap|lies)\b",
    ),
    "age": (
        r"\bho\w{1,3} old (?:is|are|was) (?:he|she|they|this (?:man|woman|guy|girl|boy|person))\b",
        r"\bhow old\b(?!-)(?! (?:is|are) (?:you|this (?:program|software|method)|facs|it)\b)",
        r"^(?!.*\b(?:explain|say|tell|put|describe)\b.*\b(?:to|for) (?:a|an|my) [\w-]+ years? old).*" + _ask_pattern(
            rf"years? old(?! (?:[a-z]+ )?{_LISTENER})"),
        _ask_pattern(r"underage|over (?:18|eighteen|21)|under 18|a minor|a teenager|teen|"
                     r"elderly|middle[- ]aged"),
        r"\b(?:his|her|their|person's|guess the|estimate the|what) (?:exact |approximate |real )?age\b",
        r"\b(?:who|which)\b.*\b(?:older|younger|oldest|youngest)\b",
    ),
    "identity": (
        r"\bwho(?: is|'?s) (?:he|she|this|that|the (?:\w+ )?(?:man|woman|girl|boy|guy|person|lady|kid|actor|actress))"
        r"(?: (?:in|on|here|there)\b.*)?\W*$",
        r"\bnames? of (?:this|that|the|these) (?:man|woman|person|guy|girl|boy|actor|actress|people)\b",
        r"\bwhat(?: is|'?s) (?:his|her|their) name\b|\b(?:recogni[sz]e|identify) (?:him|her|them|this (?:person|man|woman))\b",
        r"\b(?:look up|search for) (?:this|that|his|her|the) face\b|\breverse (?:image )?search\b",
        _ask_pattern("celebrity|famous"),
        r"\bwho (?:would|could|might|may) (?:it|this|that|he|she|they) be\b",
    ),
    "sex": (
        r"\b(?:male or (?:a )?female|man or (?:a )?woman|woman or (?:a )?man|boy or (?:a )?girl|girl or (?:a )?boy)\b"
        r"(?!.*\b(?:whatever|regardless|no matter|doesn'?t matter|don'?t care|same to me)\b)",
        r"\b(?:his|her|their|person's|what|guess the) (?:gender|biological sex)\b",
        rf"{_ASKS} {_HOW}(?:trans|transgender|male|female)\b|\b(?:lad or (?:a )?lass|lass or (?:a )?lad|he or (?:a )?she)\b",
    ),
    "ethnicity": (
        r"\b(?:his|her|their|person's|what|which|guess the) (?:ethnicity|race|nationality|religion|skin colou?r)\b",
        _ask_pattern("muslim|jewish|christian|hindu|asian|african|arab|latino|latina|hispanic|foreigner|immigrant"),
        r"\bwhere (?:is|are|does|do) (?:he|she|they|this (?:man|woman|person|guy|girl|boy)) (?:come )?from\b",
    ),
    "health": (
        _ask_pattern(r"depressed|depression|autistic|autism|adhd|bipolar|parkinson\w*|stroke|palsy|ill|sick|disease|disorder|drunk|"
                     r"on drugs|stoned|pregnant|suicidal|ptsd|schizo\w+|psychotic|botox|dementia|alzheimer\w*|intoxicated|"
                     r"tipsy|hung ?over|high on (?:drugs|weed|something)"),
        r"(?<!differential )(?<!not a )(?<!no )\bdiagnos[ei]\w*\b"
        r"(?! (?:an? |the |this )?(?:\w+ )?(?:emotions?|expressions?|movements?)\b)",
    ),
    "hiring": (
        r"^\W*(?:please |can you |could you )?(?:rank|rate|score|sort|compare|choose|pick|select)\b.*"
        r"\b(?:candidates?|applicants?|interviewees?)\b",
        r"\b(?:hire|recruit|employ|promote) (?:him|her|them|this|that|the)\b|\b(?:give|lend) (?:him|her|them) (?:a |the )?"
        r"(?:loan|job|credit|money)\b",
        _ask_pattern(r"good (?:\w+ )?(?:employee|teacher|leader|manager|nurse|worker|boss|salesman|candidate|tenant|colleague)|"
                     r"qualified|fit for (?:the|this|a) job|creditworthy|pay back|repay"),
        r"\b(?:candidate|applicant) (?:no\.? ?|number )?\d+\b.*\b(?:suitable|suited|fit|good|right) for\b",
    ),
    "policing": (
        _ask_pattern(r"criminal|guilty|terrorist|dangerous|violent|a threat|a thief|stealing|stole|shoplifter|attack|"
                     r"(?:hit|hurt|kill|punch) (?:someone|somebody|me|us|people)|commit(?:ted)? (?:a |the )?crime"),
        r"\b(?:danger|threat|risk|security) (?:score|rating|level|index)\b|\bwhom? to keep out\b|\bkeep (?:him|her|them) out\b",
        r"\b(?:airport|border) (?:security|control)\b|\b(?:security|flight) risk\b|\barrest (?:him|her|them|this)\b",
    ),
    "attraction": (
        r"\b(?:is|are) (?:he|she|they|(?:the|this) (?:man|woman|person|guy|girl|lady)) (?:still |\w+ )?(?:single|"
        r"married|divorced|dating|in a relationship)\b",
        rf"{_ASKS} {_HOW}(?:hot|sexy|attractive|beautiful|ugly|pretty(?! \w)|handsome|cute|good[- ]looking)\b",
        rf"{_ASKS} .*\b(?:like|love|fancy|flirting with|into|attracted to) (?:me|each other)\b",
        r"\bhow (?:good|nice)[- ]looking\b|\bhow (?:hot|sexy|attractive|cute|pretty) (?:is|are) (?:he|she|they|this|that)\b",
        r"\brate (?:her|his|their) (?:looks|beauty|attractiveness)\b",
        r"\b(?:prettier|prettiest|uglier|ugliest|hotter|hottest|sexier|sexiest|cuter|cutest|be(?:st|tter)[- ]looking)\b|"
        r"\b(?:more|most|less|least) (?:attractive|beautiful|handsome|pretty)\b|"
        r"\b(?:cute|hot|pretty|ugly|sexy|attractive|handsome) or (?:not|nah|no|ugly)\b",
    ),
    "feelings": (
        r"\bwhat (?:is|was|are|were) (?:he|she|they|i|we) (?:really )?thinking\b",
        rf"{_ASKS} (?:really|truly|actually|genuinely|secretly) feel\w*\b|"
        r"\b(?:he|she|they) (?:\w+ )?feel\w*\b.*\b(?:inside|deep down|in (?:his|her|their) heart)\b",
        r"\b(?:over|coping with|dealing with|suffering from|got over) (?:his |her |their |the |a )?"
        r"(?:grief|loss|breakup|divorce|trauma|heartbreak)\b",
    ),
    "character": (
        rf"{_ASKS} {_HOW}(?:smart|intelligent|stupid|dumb|evil|narcissist\w*|psychopath\w*|introvert\w*|"
        r"extrovert\w*|gay|lesbian|rich|arrogant|lazy|(?:an? )?snob|racist|(?:good|bad|nice) person)\b|"
        r"\b(?:arrogant|lazy|snobbish) person\b",
        r"^(?!.*\b(?:numbers?|values?|units?|figures?|measure\w*|results?|au ?\d+|"
        r"scores?|labels?|readings?)\b).*"
        r"\b(?:un)?trustworth\w*\b",
        r"\btrust (?:him|her|them|this (?:man|woman|person|guy|girl|face)) (?:with|to|not to|around)\b",
        _ask_pattern(r"republican|democrat|conservative|left[- ]wing|right[- ]wing|vote[sd]?"),
        r"(?<!without judging )\b(?:his|her|their) (?:iq|personality|character)\b",
    ),
}
_PATTERNS = {name: re.compile("|".join(patterns)) for name, patterns in PATTERNS.items()}


_DISCLAIMED = re.compile(  # "I'm not asking if he lies, ..."
    r"\b(?:not asking|(?:not|don'?t) (?:want|need)(?:ing)?(?: to (?:know|ask|guess|hear|judge))?|"
    r"(?:don'?t|no need to) (?:guess|judge))"
    r"\b[^,.;:!?]*[,.;:!?]")


def reason(text: str) -> str:
    """Of call.REFUSED, what a question in small letters plainly asks for; empty when it does not."""
    text = _DISCLAIMED.sub(" ", text)
    return next((name for name, pattern in _PATTERNS.items() if pattern.search(text)), "")


def asks_for(word: str, text: str) -> bool:
    """Whether a question in small letters plainly asks for this one of call.REFUSED."""
    return bool(_PATTERNS[word].search(text))
