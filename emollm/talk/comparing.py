"""Look-ups that compare: the two sides of a face, and the faces of a picture."""

from __future__ import annotations

from emollm.talk.call import Call
from emollm.talk.face import Face
from emollm.talk.looked import Looked
from emollm.talk.words import listed


def sides(face: Face, _: Call) -> Looked:
    """Compare the two sides of the face."""
    on = face.units("on")
    one = [au for au in on if face.facts.side(au) != "both"]
    if not one:
        return Looked(
            ["both sides move alike", *map(face.line, on[:3])],
            [
                "[Both sides move alike|Left and right move alike]: "
                f"{face.told(on[:3])}[, each on both sides|]."
            ],
        )
    return Looked(
        ["one-sided:", *map(face.line, one)],
        [f"[The sides differ|They are not alike]: {face.told(one)}[, on that side alone|]."],
    )


def faces(face: Face, _: Call) -> Looked:
    if not face.others:
        return Looked(
            ["one face only"],
            [
                "[There is only one face here that could be measured|Only one face could be measured here]"
                ", [so there is nothing to compare|so no other can be compared]."
            ],
        )
    lines = [f"face {number}: commonly read as {gist}" for number, gist in face.others.items()]
    return Looked(
        [f"this is face {face.series.face_id}: commonly read as {face.gist}", *lines],
        [
            f"[This is face {face.series.face_id}, commonly read as {face.gist}|This one (face {face.series.face_id}) is "
            f"commonly read as {face.gist}].",
            f"Beside it: {listed([f'face {number} as {gist}' for number, gist in face.others.items()])}.",
            "[To compare a weaker movement, ask about each face by itself|Weaker movements are told of one face at a time].",
        ],
        fixed=True,
    )
