"""The words by which a question asks about time, as patterns for texts of small letters."""

from __future__ import annotations

import re

from emollm.talk.terms.finding import words_of

_FRAMES = r"(?:frames?|moments?|seconds?|points?)"
_CLIP = r"(?:clip|video|vid|film|recording|footage|movie|scene|sequence|take|track)"
_SPAN = rf"(?:{_CLIP}|time|tiem|way|duration|length|thing)"
_SMILES = r"\w*(?:smil|grin|frown|scowl|blink|wink|pout|squint|sneer)"
_ANY = r"(?:any|some)"


def _any_of(*patterns: str) -> re.Pattern:
    return re.compile("|".join(patterns))


# From the start to the end?
WHOLE = _any_of(
    rf"\b(?:w?hole|entire|full|complete) (?:[\w.]+ )?{_SPAN}\b",
    r"\b(?:w?hole|entire|full) \d",
    r"\bthrough ?out\b",
    r"\b(?:start|beginning|begin|first (?:frame|second|moment)) (?:right )?(?:to|till?|until|through|thru|-) "
    r"(?:the )?(?:very )?(?:end|finish|last)",
    r"\ball (?:of )?(?:the |teh )?(?:time|tiem|way|while|clip|video)\b",
    r"\ball (?:along|through|the way)\b",
    r"\b(?:always|non-?stop|at all times|uninterrupted|for the duration|ever[- ]present)\b",
    r"\b(?:constant|continuous|continual|permanent|persistent)(?:ly)?\b",
    rf"\b(?:in|at|on|during) (?:every|each|all)(?: (?:single|the))? {_FRAMES}\b",
    r"\bwithout (?:a |any |ever )?(?:break|stop|paus|interrupt|gap)",
)
# Does it stop?
_STOP = r"(?:(?:stop|ceas|paus|vanish|disappear|quit)\w*|(?:switch|turn)\w* off)"
STOPS = _any_of(
    rf"\b(?:ever|never|at {_ANY} {_FRAMES}|sometime|in between) (?:\w+ ){{0,2}}?(?:{_STOP}|(?:end|fad|interrupt|break)\w*|gone|"
    r"go(?:es)? away)\b",
    rf"\b{_STOP} (?:\w+ ){{0,3}}?(?:at {_ANY} {_FRAMES}|in between|sometimes?|ever|once)\b",
    r"\b(?:does|do|did) (?:\w+ ){1,4}?(?:stop|cease|quit|go away|vanish|disappear|pause|let up|break off|switch off)\b",
    rf"\b{_FRAMES} (?:where|when|that|(?:in|at) which) .*\b(?:gone|not|missing|absent|stops?|isn'?t|aren'?t|no)\b",
    r"\b(?:is|was|are|were) (?:\w+ ){1,4}?(?:interrupted|ever gone|broken up)\b",
    r"\b(?:smile|grin|frown|expression) ever (?:drop|fall|slip)\w*|\bever let go\b",
    r"\b(?:any|ever an?) (?:interruption|break|pause|gap)s?\b",
    r"\bcomes? and goe?s?\b|\bon and off\b",
)
# How many times?
OFTEN = _any_of(
    r"\bhow (?:often|offen|frequent\w*|m\w{0,2}n+y time?s?)\b",
    rf"\bhow many (?=(?:\w+ )?{_SMILES})",
    r"\b(?:count|number|frequency|rate|tally) of\b",
    r"\bcount (?:up |all )?(?:the |his |her |their )",
    r"\bblink(?:ing)? (?:rate|count|frequency)\b",
    r"\b(?:(?:more than|just|only) once|once or|(?<!looked )twice|several times|repeatedly|again and again|a second time)\b",
    r"\btimes (?:in total|in all|altogether)\b|\bhow many\W*$|^\W*(?:the )?count\W*$",
    r"\b(?:episodes|occurrences|instances|repetitions)\b",
    r"\b(?:often|frequently)\b|\bblink\w* (?:\w+ )?(?:a lot|much)\b",
)
# For how long?
LONG = _any_of(
    r"\b(?:how|hw) ?lo+ng\b|\btotal (?:time|sec\w*)\b|(?<!full )(?<!entire )(?<!whole )(?<!for the )\bduration\b",
    r"(?<!at )\bhow many (?:sec|second|milli|ms|frame)\w*",
    rf"\bhow much (?:time|of the (?:{_CLIP}|time))\b",
    r"\blast(?:s|ed|ing)? (?:very )?(?:long|for|more than|less than)\b",
    r"\blength\b|\bfor what time\b",
    rf"\b(?:what|which) (?:share|(?<!in what )(?<!in which )(?<!which )part|"
    rf"portion|fraction|percent\w*|proportion|%) of (?:the |this )?(?:time|{_CLIP})\b",
    r"\b(?:is|was) (?:it|that|this) (?:just |only )?a (?:short|brief|quick|long) \w+",
    r"\b(?:is|was) (?:the|his|her|that|this) \w+ (?:short|brief|quick|long)\b(?! (?:and|enough))",
    r"\b(?:does|did|do) (?:it|that|they|this) last\b",
    r"\b(?:brief|fleeting|momentary|short-lived)\b|\b(?:just|only|for) a (?:flash|moment|second)\b",
)
UNTIL = re.compile(r"\bhow long (?:\w+ ){0,3}?(?:before|until|till?)\b|\bhow long does it take\b")
CLIP_LENGTH = _any_of(
    rf"\bhow long (?:is|was|does) (?:the|this|that|your|my) (?:whole |entire )?{_CLIP}\b",
    rf"\b(?<!max )(?<!maximum ){_CLIP}(?:'s)? (?:length|duration)\b(?! (?:limit|allowed))",
    rf"\bhow many (?:seconds|secs|minutes) (?:long )?(?:is|does|has)\b.*\b{_CLIP}\b",
    rf"(?<!for the )\b(?:length|duration) of (?:the|this|that) (?:\w+ )?{_CLIP}\b",
)
UNITS = re.compile(r"\b(?:movements?|units?|aus?|action units?)\b")
# How fast?
_FAST = r"(?:fast|quick|rapid|slow|sudden|abrupt|gradual|swift|instant|(?:slow|fast|quick)er)(?:ly)?"
_ONCE = rf"(?:{_FAST}|(?:all )?at once|in one go|little by little|bit by bit)"
_RISES = (r"(?:reach\w*|build\w*|come|comes|rise|peak|fade|fading|go away|vanish|disappear|develop|form|fall|fully?|get from|"
          r"grow|subside|die down|relax|its (?:full|peak|max\w*|strongest))")
PACE = _any_of(
    rf"\bhow {_FAST}\b|\b{_FAST}(?: \w+)* or (?:\w+ )*{_ONCE}\b",
    r"\bonset\b.*\b(?:apex|offset|peak)\b|\bapex\b.*\boffset\b|\bspeed of\b",
    r"\b(?:ris\w+|onset|offset|decay|fad\w+|build[- ]?up|ramp\w*) (?:time|speed|duration|phase)\b",
    rf"\b(?:how (?:long|many (?:s|sec\w*|ms|frames)|much time)|what time)\b.*\b(?:to|for it to|until it'?s?|till it'?s?|to be) "
    rf"{_RISES}\b",
    r"\bhow (?:long|much time)\b.*\b(?:un)?till?\b.*\b(?:peak|full\w*|max\w*|strongest|apex)\b",
    r"\b(?:from|between) (?:the |its )?(?:onset|nothing|zero|start|neutral|rest)\b.*\b(?:to|and|till?|until) "
    r"(?:the |its |a )?(?:full\w*|peak|max\w*|apex|strongest|top)",
    r"\b(?:comes?|came|starts?|appears?|goe?s?|fades?|builds?|rises?|ends?|drops?|pops?|vanish\w*|disappears?|decays?) "
    rf"(?:on |up |in |away |off |out |down )?(?:very |so )?{_ONCE}\b",
    rf"\b(?:is|was) (?:the|his|her|this|that) (?:\w+ )+{_FAST}\W*$|\b(?:slow|fast|quick|abrupt)er (?:than|to|in)\b",
)
# Of the reading, and of what was told.
IT_CHANGES = re.compile(r"\b(?:it|that|this|they) (?:change|stay|remain)s?\b")
ANY_TIME = re.compile(r"\b(?:at (?:any|some) (?:moment|point|time|second)|ever)\b")
LONGER = re.compile(r"\b(?:longer|longest)\b")
PEAK = re.compile(r"\b(?:peaks?|max\w*)\b")
AT = re.compile(r"\b(?:at|around|about|near) (?:the )?(?:(?:second|sec) (?P<n>\d{1,3}(?:\.\d+)?)|(?P<k>\d{1,3}(?:\.\d+)?) ?"
                r"s(?:ec\w*)?)(?!\w)")
SIDED = re.compile(r"\b(?:asymmetr\w*|lopsided|uneven|crooked|(?:one|both|which|each) sides?|same on)\b")
IT = re.compile(r"\b(?:it|that|this|they|those|these)\b")
# Which is first, and what is beside it?
ORDER = _any_of(
    r"\b(?:first|1st|before|befor|after|earlier|sooner|later|prior|preced\w+|follow\w*|order|sequence|simultaneous\w*|"
    r"same time)\b(?! (?:second|frame|half|part|moment|picture|face|one|person)s?\b)",
)
# A part of the face of which nothing is said but that it moves.
MOVES = (r"(?=\W*(?:$|(?:or|and|before|after|first|mov\w*|start\w*|begin\w*|beg[au]n|re?act\w*|do|did|does|then|earlier|came?)"
         r"\b))")
STRONGER = re.compile(r"\b(?:strong|weak|intens|wide|big)\w*")
BESIDE = _any_of(
    r"\b(?P<before>before\w*|befor|prior to|preced\w+|lead\w* (?:up )?to|ahead of|led (?:up )?to)\b",
    r"\b(?P<after>after\w*|follow\w*)\b",
)
MOSTLY = re.compile(rf"\bmost of (?:the |this )?(?:time|{_CLIP})\b|\bmostly (?:over|in|through)\w* (?:the|this)\b|"
                    r"\bfor the longest\b")
# How does the reading go?
READING = re.compile(
    r"\b(?:mood|emo(?:t|sh)\w*|feelings?|reading|label|affect|sentiment|emotional \w+|verdict|impression)\b")
EXPRESSION = re.compile(r"\b(?:expression|look)s?\b")  # its course is told by movements, unless it is asked whether it changes
EXPRESSION_CHANGES = re.compile(
    r"\b(?:chang|shift|vari|vary|evolv|switch|fluctuat|alter|differ|stable|steady|constant|stay|remain|same|transition|flip)")
CHANGES = _any_of(
    r"\b(?:chang|shift|vari|vary|evolv|develop|switch|fluctuat|alter|differ|progress|swing|stable|steady|constant|stay|remain|same|"
    r"consistent|throughout|course|transition|flip)",
    rf"\bover (?:the )?(?:time|{_CLIP})\b",
    r"\b(?:go(?:es)?|move) from\b|\bturn(?:s|ed)? (?:from|to|into)\b|\bfrom one to another\b",
    r"\b(?:start|beginning) (?:to|till?|until|and) (?:the )?end\b",
    rf"\bwhole (?:time|{_CLIP})\b",
)
IN_THIS_CLIP = re.compile(rf"\b{_CLIP}\b|\bover time\b|\btimes\b|\bfrom one\b")
DENIED = re.compile(
    r"\b(?:not?|never|\w+n't|absent|missing|lack\w*|gone|clos\w*|shut|open|relaxed|still|"
    r"without(?! (?:a |any |ever )?(?:break|stop|paus|interrupt|gap)))\b")
NOT_COURSE = _any_of(
    r"\b(?:sides?|left|right|both|others?|them|faces|people|men|women|pictures?|photos?)\b",
    r"\b(?:dominant|main|overall|predominant|most)\b",
    r"\bwhat (?:would|could|can|must|needs?|has to|if)\b|\bif\b|\bwould\b|\byour (?:mind|answer)\b|\bmake\b",
)
IMAGINED = re.compile(r"\b(?:if|were|without|would|had|imagine|suppose|pretend)\b")
FELT = re.compile(r"\b(?:inside|inwardly|deep down|heart|truly|really|felt|feels?|feeling (?!s))\b")
OF_THIS_FACE = re.compile(r"^\W*(?:is|are|does|do|did|was|were)\b(?!.*\b(?:like that|my|your)\b)")
IN_GENERAL = re.compile(r"\bmean\w*\b|\bsign of\b|\bprove\w*\b|\bin general\b|\bpeople\b")
WHEN = re.compile(r"\b(?:when|at (?:which|what) (?:point|time|second|moment)|what time|which second)\b")
WH = re.compile(r"(?<!moment )(?<!second )(?<!point )(?<!frame )(?<!time )\b(?:what|which|who|why|where|when|how)\b(?! or not)")
# Habits of somebody, and how often a clip was looked at, are no time of it.
ASIDE = re.compile(r"\balways (?:looks|sits|says|thinks|does|do that|say|been)\b|"
                   r"\b(?:watched|scrolled|went|looked|played)\b[^.?!]{0,25}\b(?:once|twice|again)\b")
GROWS = re.compile(r"\b(?:increas|decreas|grow|weaken|declin|ris(?:e|es|ing)|fall(?:s|ing)?|strengthen)\w*\b")
TAIL = re.compile(r",? (?:or (?:what|not|no|nah)|right|isn'?t (?:it|he|she)|doesn'?t (?:it|he|she)|huh)\W*$")
# Turns of a few words.
NUMBER = re.compile(
    r"^\W*(?:and|what about|how about|or|then|also|ok|plus)?\W*(?:au ?|unit |action unit |number )?0?(\d{1,2})\W*$")
MOMENT = re.compile(
    r"^\W*(?:(?:and|so|but|what about|how about|ok|now|then|still|is (?:it|that)|what(?:'?s| is) it like|there|same)\W+)*"
    r"(?:(?:at|in|by|near|towards?|around) )?(?:the )?(?:very )?"
    r"(start|beginning|middle|end|(\d{1,3}(?:\.\d+)?) ?s(?:ec(?:ond)?s?)?)\W*$")
BARE_WHEN = re.compile(
    r"\b(?:when|whn|wen|timestamps?|timing|(?:which|what) (?:second|moment|point|time(?! is it)))\b|^\W*time\W*$")
BARE_FIRST = re.compile(r"\b(?:first|earlier|sooner|earliest|which order|what order)\b")
EVERYTHING_FIRST = re.compile(r"\bwhat (?!order|came|comes|was|is)")  # "what moves first?"
# Words of a turn that names nothing of its own, and of one that names only another movement.
FILL = words_of(
    "and so ok okay then but now please pls plz well um hmm oh the a an it that this they them these those two both of in "
    "for to on at about with between from is was are were be does did do has have had came come comes happen happens "
    "happened happening begin begins began start starts started starting appear appears appeared exactly precisely "
    "roughly actually again approx approximately more or less clip video there here tell me you us i can want know say "
    "see need give s t he she his her its their one ones he's she's it's that's what's what which who when where how long "
    "often many much time times timing timestamp timestamps moment second seconds sec secs point frame first last lasts "
    "lasted lasting duration frequently number count frequency total all altogether earlier sooner earliest before after "
    "afterwards order next just right directly shortly immediately whole entire full through throughout always constantly "
    "ever stop stops stay stays still go goes away end finish same also too once twice longer really keep keeps kept "
    "there's person face doing show shows look looks like change changes remain remains moving move moves moved teh hole "
    "tiem shown visible present active held hold holds whn wen since until till til peak peaks max maximum reach reaches "
    "strongest any some"
)
AGAIN = words_of(
    "and so ok okay now then what about how the his her its their same for of with please pls too also as well both s")
