"""How people speak of movements when they ask: nouns, doing words, and parts with what they do."""

from __future__ import annotations

from typing import NamedTuple

from emollm.facs.units import ACTION_UNITS


class Spoken(NamedTuple):
    """One way to mean a set of units. subject + state: "the mouth corners" "pulled up"; opposite: "pulled down" is another
    movement, "at rest" or "closed" its absence. doing: "smiling". noun: "a smile"."""

    units: tuple[str, ...]
    subject: str = ""
    states: str = ""
    rest: str = ""  # states that say it is not there
    doing: str = ""
    nouns: str = ""


def _au(numbers: str) -> tuple[str, ...]:
    return tuple(f"AU{int(k):02d}" for k in numbers.split())


SPOKEN = (
    Spoken(
        _au("1"),
        "[inner brows|inner eyebrows|inner ends of the brows|inner corners of the eyebrows]",
        "[raised|up|pulled up|lifted|drawn upward|tilted up]",
        "[at rest|not raised]",
        "[raising the inner brows|pulling up the inner eyebrows]",
        "[raised inner brows|inner brow raise|lift of the inner brow|oblique brows]",
    ),
    Spoken(
        _au("2"),
        "[outer brows|outer eyebrows|outer ends of the brows|outer parts of the eyebrows]",
        "[raised|up|arched|lifted|pulled up]",
        "[at rest|not raised]",
        "[raising the outer brows|arching the brows]",
        "[raised outer brows|outer brow raise|arched brow]",
    ),
    Spoken(
        _au("1 2"),
        "[brows|eyebrows|forehead]",
        "[raised|up|lifted|pulled up|hoisted|going up]",
        "[down at rest|flat|unraised]",
        "[raising the eyebrows|lifting the brows|wrinkling the forehead]",
        "[raised eyebrows|raised brows|brow raise|forehead wrinkles]",
    ),
    Spoken(
        _au("4"),
        "[brows|eyebrows]",
        "[lowered|drawn together|pulled down|knitted|furrowed|drawn down|pinched|contracted]",
        "[relaxed|smooth|unfurrowed]",
        "[scowling|knitting the brows|lowering the brows|furrowing the brow]",
        "[a furrowed brow|lowered brows|a scowl|brow lowering|knitted brows|a crease between the brows]",
    ),
    Spoken(_au("4 15"), doing="[frowning]", nouns="[a frown]"),
    Spoken(
        _au("5"),
        "[upper lids|upper eyelids|eyes]",
        "[raised|pulled up|wide|wide open|opened wide|widened]",
        "[not widened]",
        "[staring wide-eyed|opening the eyes wide|widening the eyes]",
        "[wide eyes|raised upper lids|widened eyes|an upper lid raise]",
    ),
    Spoken(
        _au("6"),
        "[cheeks]",
        "[raised|lifted|pushed up|up|bunched up]",
        "[flat|at rest|not involved]",
        "[raising the cheeks|lifting the cheeks]",
        "[raised cheeks|crow's feet|a cheek raise|lifted cheeks]",
    ),
    Spoken(
        _au("7"),
        "[lids|eyelids|lower lids|lower eyelids]",
        "[tight|tightened|tense|narrowed|tensed]",
        "[relaxed|loose]",
        "[tightening the lids|tensing the eyelids]",
        "[tight lids|tense eyelids|lid tightening]",
    ),
    Spoken(
        _au("6 7"),
        "[eyes]",
        "[narrowed|squinted|squeezed|small]",
        "",
        "[squinting|narrowing the eyes]",
        "[a squint|narrowed eyes]",
    ),
    Spoken(
        _au("9"),
        "[nose]",
        "[wrinkled|scrunched up|crinkled|screwed up|drawn up]",
        "[smooth|at rest|relaxed]",
        "[wrinkling the nose|scrunching up the nose|crinkling the nose]",
        "[a wrinkled nose|nose wrinkles|nose wrinkling|a scrunched nose]",
    ),
    Spoken(
        _au("10"),
        "[upper lip]",
        "[raised|lifted|pulled up|curled|drawn up]",
        "[at rest|down]",
        "[raising the upper lip|curling the lip]",
        "[a raised upper lip|a curled lip|an upper lip raise]",
    ),
    Spoken(_au("9 10"), doing="[sneering|snarling]", nouns="[a sneer|a snarl]"),
    Spoken(
        _au("11"),
        "[nasolabial folds|folds beside the nose|cheek folds]",
        "[deepened|deep]",
        "",
        "",
        "[deep nasolabial folds|deepened folds]",
    ),
    Spoken(
        _au("12"),
        "[mouth corners|corners of the mouth|lip corners]",
        "[up|pulled up|raised|turned up|lifted|drawn back and up|curled up]",
        "[not raised|not pulled up]",
        "[smiling|grinning|beaming|pulling up the mouth corners]",
        "[a smile|a grin|raised mouth corners|upturned lips|a hint of a smile]",
    ),
    Spoken(_au("12 14"), doing="[smirking]", nouns="[a smirk]"),
    Spoken(
        _au("14"),
        "[mouth corners|lip corners]",
        "[tucked in|tightened|dimpled|pressed in]",
        "",
        "[dimpling the cheeks|tucking in the mouth corners]",
        "[dimples|a dimple|tucked-in mouth corners]",
    ),
    Spoken(
        _au("15"),
        "[mouth corners|corners of the mouth|lip corners]",
        "[down|pulled down|turned down|lowered|drooping|hanging|dropped]",
        "",
        "[pulling down the mouth corners|making a sad mouth]",
        "[a downturned mouth|lowered mouth corners|drooping corners of the mouth]",
    ),
    Spoken(
        _au("17"),
        "[chin]",
        "[raised|pushed up|bunched|wrinkled|puckered|dimpled]",
        "[relaxed|at rest|smooth]",
        "[pushing up the chin|raising the chin boss|bunching the chin]",
        "[a raised chin|a wrinkled chin|a bunched chin|a chin raise]",
    ),
    Spoken(_au("17 18 22"), doing="[pouting]", nouns="[a pout]"),
    Spoken(
        _au("18"),
        "[lips]",
        "[puckered|rounded|pushed forward to a kiss]",
        "",
        "[puckering the lips|making a kissing mouth]",
        "[puckered lips|a pucker|a kissing mouth|a duckface|duck lips]",
    ),
    Spoken(_au("18 23 24"), "[lips]", "[pursed]", "", "[pursing the lips]", "[pursed lips]"),
    Spoken(
        _au("20"),
        "[mouth|lips]",
        "[stretched|stretched sideways|pulled sideways|drawn wide]",
        "",
        "[stretching the lips|stretching the mouth]",
        "[a stretched mouth|stretched lips|a lip stretch]",
    ),
    Spoken(
        _au("22"), "[lips]", "[funneled|turned outward|flared out]", "", "[funneling the lips]", "[funneled lips|a lip funnel]"
    ),
    Spoken(
        _au("23"),
        "[lips]",
        "[tight|tightened|thin|thinned|tense|narrowed]",
        "[relaxed|soft]",
        "[tightening the lips]",
        "[tight lips|thin lips|tightened lips]",
    ),
    Spoken(
        _au("24"),
        "[lips]",
        "[pressed together|pressed|squeezed together|clamped shut|compressed]",
        "",
        "[pressing the lips together]",
        "[pressed lips|a lip press|compressed lips]",
    ),
    Spoken(
        _au("25"),
        "[lips]",
        "[parted|apart|separated|slightly open]",
        "[together|closed|touching|sealed]",
        "[parting the lips]",
        "[parted lips|a gap between the lips]",
    ),
    Spoken(
        _au("25 26 27"),
        "[mouth]",
        "[open|opened|agape|ajar]",
        "[closed|shut]",
        "[opening the mouth|showing an open mouth]",
        "[an open mouth]",
    ),
    Spoken(
        _au("26"), "[jaw]", "[dropped|hanging|down|let down]", "[closed|up]", "[dropping the jaw]", "[a dropped jaw|a jaw drop]"
    ),
    Spoken(_au("26 27"), "[jaw|lower jaw]", "[open|lowered|open wide]", "[closed|shut]", "", "[an open jaw]"),
    Spoken(
        _au("27"),
        "[mouth]",
        "[wide open|stretched open|gaping]",
        "",
        "[gaping|yawning|opening the mouth wide]",
        "[a wide open mouth|a gaping mouth|a mouth stretch]",
    ),
    Spoken(
        _au("28"),
        "[lips]",
        "[sucked in|rolled in|drawn in]",
        "",
        "[sucking in the lips|biting the lips|rolling in the lips]",
        "[sucked-in lips|rolled-in lips]",
    ),
    Spoken(_au("43 45"), "[eyes]", "[closed|shut]", "[open|not closed]", "[closing the eyes]", "[closed eyes|shut eyes]"),
    Spoken(_au("43"), "[eyes]", "[held closed|kept shut]", "", "[sleeping]", "[eye closure]"),
    Spoken(_au("45"), doing="[blinking]", nouns="[a blink|blinks|an eye blink]"),
)
WHO = ("[she|he|this person|the person|the woman|the man|the guy|the lady|the girl|the boy|the subject|the child|this one|the "
       "face]")


def codes(au: str) -> str:
    """Ways to write a code or a FACS name, as a pattern."""
    number, title = int(au[2:]), ACTION_UNITS[au].title
    return (
        f"[AU{number}|AU{number:02d}|AU {number}|au{number}|action unit {number}|AU-{number}|the "
        f"{title}|{title}|{title}|unit {number}|"
        f"AU{number} ({title})]"
    )
