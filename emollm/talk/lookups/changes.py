"""Look-ups in what would be: the edits that change a reading, each checked by reading the face again."""

from __future__ import annotations

from emollm.facs.readings import relation
from emollm.facs.tables import VARIANTS
from emollm.facs.units import ACTION_UNITS
from emollm.talk.terms.call import Call
from emollm.talk.terms.face import Face
from emollm.talk.terms.finding import Finding
from emollm.talk.terms.words import join_words

SET_TO = 3.0  # level of a movement that is added to see what would change the reading
LITTLE = 0.02  # share of a label that is not worth telling


def edits_toward_label(face: Face, call: Call) -> Finding:
    """The smallest edit that was found to make this face be read as a label, checked by reading it again.

    Given as looked up, as `edit_effect` is: nothing measured could tell a slip in what would be."""
    asked = call.label
    if call.word == "less":
        return _less_of_label(face, asked)
    if asked == face.label:
        ending = _smallest_ending(face)
        return Finding(
            [f"it is read as {asked} already, {face.share(asked)}", *ending],
            [f"It is [already|] read as {asked} ({face.share(asked)}){'' if ending else ', so nothing has to change'}.",
             *ending],
            fixed=True,
        )
    smallest = _smallest_edit(face, asked)
    if smallest is None:
        return Finding(
            [f"no edit of listed movements makes it {asked}"],
            [
                "[No change of listed movements was found that|I found no change of listed movements that] makes it be read as "
                f"{asked}; it stays {face.label}."
            ],
            fixed=True,
        )
    edits, share = smallest
    words = _edit_words(edits)
    return Finding(
        [f"checked: with {', '.join(f'{au}={level:g}' for au, level in edits.items())} it is read as {asked} {share:.2f}"],
        [f"If {words}, it would be read as {asked} ({share:.2f}) instead of {face.label}."],
        fixed=True,
    )


def _less_of_label(face: Face, label: str) -> Finding:
    """What takes most of a label away: one of the movements listed for it, or all of them where one does little."""
    now, listed = face.distribution[label], [au for au in face.units("on") if relation(label, au) == "for"]
    taken = [*([au] for au in listed), listed] if listed else []
    tried = [(face.read(face.edit(dict.fromkeys(units, 0.0)).series), units) for units in taken]
    if not tried or min(share[label] for share, _ in tried) > now - LITTLE:
        why = "without the movements listed for it it has as much" if listed else "no movement that is listed for it is there"
        told = f"{label} has {face.share(label)}; {why}, so I know of no movement that would take it down."
        return Finding([told], [told], fixed=True)
    share, units = min(tried[:-1], key=lambda one: one[0][label])
    if share[label] > now / 2:  # one alone does little
        share, units = tried[-1]
    first = max(share, key=share.get)
    then = f"it would {'still ' if first == face.label else ''}be read as {first} ({share[first]:.2f})"
    told = f"If {_edit_words(dict.fromkeys(units, 0.0))}, {label} would have {share[label]:.2f} instead of {now:.2f}"
    told += "." if first == label else f", and {then}."
    return Finding([told], [told], fixed=True)


def _smallest_ending(face: Face) -> list[str]:
    """A sentence about the movement, or all of them, without which the label would be another; or that it would stay."""
    listed = [au for au in face.units("on") if relation(face.label, au) == "for"]
    for units in (*([au] for au in listed), listed) if listed else ():
        share = face.read(face.edit(dict.fromkeys(units, 0.0)).series)
        if (then := max(share, key=share.get)) != face.label:
            return [f"If {_edit_words(dict.fromkeys(units, 0.0))}, it would be read as {then} ({share[then]:.2f})."]
    return ["Without the movements listed for it, it would still be read so."] if listed else []


def _edit_words(edits: dict[str, float]) -> str:
    """ "the brow lowerer (AU04) were at 3 and the lips part (AU25) and jaw drop (AU26) were gone"."""
    levels: dict[float, list[str]] = {}
    for au, level in edits.items():
        levels.setdefault(level, []).append(f"{ACTION_UNITS[au].title} ({au})")
    return " and ".join(
        f"the {join_words(names)} were {'gone' if level == 0 else f'at {level:g}'}" for level, names in levels.items()
    )


def _smallest_edit(face: Face, asked: str) -> tuple[dict[str, float], float] | None:
    """Edits that make the label come first, of measured units if possible and as few as possible, and its share then."""
    against = [au for au in face.units("on") if relation(asked, au) == "against" or relation(face.label, au) == "for"]
    candidates = []
    for variant in [v for v in VARIANTS if v.label == asked]:
        added = {au: SET_TO for au in variant.aus if face.facts.state(au) != "on"}
        gone = {au: 0.0 for au in against if au not in variant.aus}
        for edits in (added, added | gone):
            share = face.read(face.edit(edits).series) if edits else face.distribution
            if edits and max(share, key=share.get) == asked:
                unseen = sum(face.facts.state(au) == "unmeasured" for au in edits)
                candidates.append(((unseen, len(edits)), edits, share[asked]))
    if not candidates:
        return None
    _, edits, share = min(candidates, key=lambda candidate: candidate[0])
    return edits, share


def edit_effect(face: Face, call: Call) -> Finding:
    """What it would be read as with some units at other levels; units that are set to what they are already are not told."""
    if all(level == 0 and face.facts.state(au) == "off" for au, level in call.edits.items()):
        gone = join_words([f"the {ACTION_UNITS[au].title} ({au})" for au in call.edits])
        return Finding(
            [f"absent already: {', '.join(call.edits)}", f"as measured: {face.label} {face.share(face.label)}"],
            [f"{gone} {'is' if len(call.edits) == 1 else 'are'} absent already, so nothing changes: it is read as {face.label} "
             f"({face.share(face.label)})."],
            fixed=True,
        )
    edited = {au: level for au, level in call.edits.items() if level or face.facts.state(au) in ("on", "unsure")} or call.edits
    share = face.read(face.edit(edited).series)
    first = max(share, key=share.get)
    now, then = f"{face.label} ({face.share(face.label)})", f"{first} ({share[first]:.2f})"
    would = (
        f"it would still be read as {then}; as measured it is {now}"
        if first == face.label
        else f"it would be read as {then} instead of {now}"
    )
    edits = ", ".join(f"{au}={level:g}" for au, level in edited.items())
    return Finding(
        [f"with {edits}: {first} {share[first]:.2f}", f"as measured: {now}"],
        [f"If {_edit_words(edited)}, {would}."],
        fixed=True,
    )
