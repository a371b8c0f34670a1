"""What picture, face and light do to the measurement, as far as it was measured (docs/au_estimator.md, which a test holds the
numbers to), and that the rest was not; and what is not measured at all."""

from __future__ import annotations

import re

# Condition -> its words in a question, and what is known of it.
CONDITIONS = {
    "light": (
        r"(?:light\w*|lamps?|sun(?:light|shine)?|windows?|dark(?:ness)?(?![- ]skin)|bright\w*|dim|shadows?|contrast|(?:over|"
        r"under)exposed|backlit|night|flash)(?! ?glasses)",
        "Made brighter or darker, 54 pictures of five people changed a unit by 0.05 and 0.03 levels on average, and 0.7 % "
        "and 0.6 % of the units went on or off. Light from one side was not measured by itself.",
    ),
    "size": (
        r"(?:small\w*|tiny|low[- ]?res\w*|resolutions?|pixels?|px|(?<!sample )(?<!effect )(?<!file )size|"
        r"quality|blur\w*|unsharp|out of focus|jpe?g|"
        r"compress\w*|far away|distant|distance|grainy|noisy|480p|720p|webcams?|thumbnails?)",
        "Shrunk to half, 54 pictures of five people changed a unit by 0.05 levels on average, and 0.8 % of the units went on "
        "or off; blurred slightly, by 0.04 and 0.5 %. Faces narrower than 48 px are measured with less and less confidence, "
        "and what is too blurred is refused.",
    ),
    "angle": (
        r"(?:angles?|poses?|profile|sideways|side view|from the side|(?:head|face)s? (?:\w+ ){0,3}turn\w*|turned|tilt\w*|yaw|"
        r"pitch|rotat\w*|frontal|head position|from (?:above|below)|camera position)",
        "From 35 degrees of turn the averted half is not measured, and confidence falls from 20 to 60 degrees. Looking down "
        "lowers the lids and reads as closed eyes (AU43); a tilted head shifts the brows a little.",
    ),
    "wrinkles": (
        r"(?:wrinkle[sd]?(?! (?:the|his|her|their|nose|your))|old(?:er)? (?:\w+ )?(?:faces?|people|persons?|men|women|skin|"
        r"adults?)|elderly|seniors?|pensioners?|(?:over|above|aged?) [6-9]\d|[6-9]\d(?=\+)|aged|ag(?:e)?ing|botox|scars?|"
        r"furrows?|creases|lines|age)",
        "Accuracy by age was not measured, and the faces it was fitted on were adults'. Lines that are there at rest can "
        "look like a movement (a furrow between the brows like AU04), so a neutral picture or a clip of the same person helps.",
    ),
    "children": (
        r"(?:child(?:ren)?|kids?|bab(?:y|ies)|infants?|toddlers?|newborns?|teenagers?|minors)(?:'?s)?",
        "Children were not measured: the coded faces were adults'. Of FACS there is an own version for infants (Baby FACS), "
        "which is not used here.",
    ),
    "make-up": (
        r"(?:make-?up|lipstick|mascara|eyeliner|eye ?shadow|tattoos?|face ?paint|foundation|piercings?|fake lashes|filters?|"
        r"retouch\w*|photoshop\w*)",
        "What make-up does to the units was not measured. Drawn lipstick was learnt as something that hides no part; painted "
        "brows or lips can still be taken for the skin that moves.",
    ),
    "beard": (
        r"(?:beard\w*|m[ou]+stach\w*|stubble|facial hair|unshaven|goatee|whiskers)",
        "What a beard does to the units was not measured. Drawn beards, stubble and moustaches were learnt as something that "
        "hides no part; the units of the chin and the lips rest on skin that a beard covers.",
    ),
    "glasses": (
        r"(?:glasses|sunglasses|spectacles|goggles|lenses|eyewear)",
        "Dark glasses are told as hiding the eyes: of ten faces with eight kinds drawn on (n = 77) 0 kept a unit on there. "
        "Clear glasses were learnt as hiding nothing; a strong reflection can have an eye called hidden.",
    ),
    "covers": (
        r"(?:masks?|hands?|fingers?|scar(?:f|ves)|hijab|veil|hair|fringe|bangs|microphones?|cover\w*|occlu\w+|hidden|eye "
        r"?patch)",
        "A part of the face that something hides is told as not measured: of ten faces with 33 kinds of cover drawn over the "
        "lower half (n = 329) 5 kept a unit on there. A hand on the cheek and hair in strands are missed more often.",
    ),
    "art": (
        r"(?:paint(?:ed|ings?)|draw(?:n|ings?)|statues?|sculptures?|dolls?|puppets?|cartoons?|comics?|masks? of|avatars?|"
        r"animat\w+|renderings?|emojis?)",
        "A painted, drawn or sculpted face is measured as a photographed one would be, where it is found at all; lines and "
        "shadows of the artist can be taken for movement. How far off that is was not measured.",
    ),
    "speech": (
        r"(?:speech|speak\w*|talk(?:s|ing)?|sing(?:s|ing)?)",
        "Speech moves the lips and the jaw (AU25, AU26 and others of the mouth), and that is measured as any movement: of "
        "somebody who speaks, mouth units are no expression by themselves. How much it adds was not measured; brows and "
        "eyes are told as ever.",
    ),
    "rate": (
        r"(?:fps|frame ?rates?|frames (?:a|per) second|(?:slow|fast)(?:er)? camera|high[- ]?speed|slow[- ]?mo\w*|\d+ ?hz)",
        "Each frame is measured by itself, so a level does not depend on the frame rate. What is briefer than two frames "
        "can be missed, and times are no finer than one: two frames are an eighth of a second at 15 frames a second, a "
        "fifteenth at 30. How many blinks are lost so was not measured.",
    ),
    "skin": (
        r"(?:skin ?(?:tones?|colou?rs?|types?)?|dark[- ]skinned|black (?:people|faces|skin)|race|ethnic\w*|gender|men and "
        r"women|women and men|bias\w*|culture\w*|some people|(?:every(?:one|body))(?! (?:on earth|alike|makes?|knows?)))",
        "Accuracy by skin tone, age or sex was not measured; the pictures that it was fitted and tested on were mostly of "
        "adults in small grey pictures. The tables list movements for labels, not for groups of people.",
    ),
}
# What is not measured: its words in a question, and the subject of the sentence that says so.
THINGS = {
    "tongue": (r"tongues?|lick\w*", "the tongue is"),
    "teeth": (r"teeth|tooth|fangs?|gums?", "teeth are"),
    "tears": (r"cr(?:y|ies|ied|ying)|tears?|weep\w*|sob\w*", "tears are"),
    "gaze": (r"gaz\w+|eye contact|look(?:s|ing)? (?:at|away|into|left|right|up|down|sideways|to|towards?)|"
             r"where .* look(?:s|ing)?|roll\w* .*eyes?|pupils?|iris(?:es)?", "where the eyes look is"),
    "head": (r"heads?|nod\w*", "how the head is held or moved is"),
    "glasses": (r"(?:sun)?glasses|goggles", "glasses are"),
    "beard": (r"beards?|m[ou]+staches?|stubble", "a beard is"),
    "hair": (r"hair\w*|bald|blond\w*", "hair is"),
    "hands": (r"(?<!right[- ])(?<!left[- ])hands?|fingers?|arms?|fists?|point\w*", "hands are"),
    "make-up": (r"make-?up|lipstick|mascara", "make-up is"),
    "speech": (r"talk\w*|speak\w*|sa(?:y|ys|ying|id)|s[aiu]ng\w*|voices?|whisper\w*|scream\w*|shout\w*|yell\w*|laugh\w*",
               "what is said, and any sound, is"),
    "skin": (r"blush\w*|sweat\w*|pale|red|freckles|wrinkles|scars?|pimples|skin|colou?r", "the skin itself is"),
    "clothes": (r"hats?|caps?|scarf|shirts?|clothes|dress\w*|suit|tie|ear ?rings?|wear\w*", "what somebody wears is"),
}
_WORDS = {name: re.compile(rf"\b{words}\b") for name, (words, _) in CONDITIONS.items()}
_MATTERS = re.compile(
    r"\b(?:affect|effect|matter|influenc|chang|disturb|hurt|bias|mislead|problem|distort|impact|interfer|bother|confus|fool|"
    r"ruin|spoil|work|reliab|accura|precis|valid|robust|trust|handle|cope|deal|measur|estimat|detect|recogni|enough|minimum|"
    r"need|require|support|less|worse|harder|same|alike|equal|count|fail|wrong|error|even if|produc|phantom|trick|worthless|"
    r"useless|mess|arte?fact|"
    r"watch out|careful|min|too (?:small|dark|blur|low|bright)|ok|fals|throw|mess|skew|result|far)\w*\b")
# What leaves no choice, whatever was understood.
_ASKS_OF_IT = re.compile(
    r"\b(?:will|does|do|would|can) (?:it|this|that|you|(?:an? |the |his |her )\w+) (?:\w+ )?(?:work|matter|affect|disturb|"
    r"falsify|bother|spoil|distort|influence|interfer|skew|get in the way)\w*\b|"
    r"\ba problem\b|\bfalse results?\b|\bcounts? as\b|\bhow (?:far|much|small|large|big|dark|bright|low|high|blurr\w+|near|"
    r"close) (?:may|can|must|should|does|do|has)\b")
_THIS_FACE = re.compile(  # "do the glasses get in the way?" is about this face, and so is "why are her wrinkles ..."
    r"\b(?:the|his|her|their) (?:\w+ )?(?:glasses|sunglasses|mask|hand|hands|microphone|scarf|hair|beard|fringe)\b|"
    r"\b(?:wear|wears|wearing|has|have) (?:he|she)\b|\b(?:he|she|they) (?:\w+ )?(?:wear|has|have)")

_DISTURBS = re.compile(r"\b(?:affect|disturb|spoil|distort|influence|skew|interfer|get in the way of)\w*\b.*"
                       r"\b(?:measur|read|unit|number|value|result)\w*")


def conditions_in(text: str, plainly: bool = False) -> list[str]:
    """Of CONDITIONS, what a question in small letters asks the effect of; none when it asks for this face's. plainly: only
    where the words leave no choice."""
    if _THIS_FACE.search(text) and not _DISTURBS.search(text):
        return []
    if not (_ASKS_OF_IT if plainly else _MATTERS).search(text):
        return []
    return [name for name, words in _WORDS.items() if words.search(text)][:2]
