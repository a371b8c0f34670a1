"""ELAN annotation files (.eaf; mpi.nl/tools/elan/EAFv2.8.xsd), written and read by pympi-ling."""

from __future__ import annotations

import mimetypes
import os
from pathlib import Path

from emollm.output.annotations import EXTRA, Recording, from_tiers, label, tiers
from emollm.schema import InputError


def text(recording: Recording) -> str:
    """The file: one time-aligned tier an action unit, linked to the clip."""
    elan = _library()
    made = elan.Eaf(author="emollm")
    made.remove_tier("default")
    kind = mimetypes.guess_type(recording.media)[0] or "video/mp4"
    made.add_linked_file(recording.media, relpath=f"./{os.path.basename(recording.media)}", mimetype=kind)
    for name, events in tiers(recording).items():
        made.add_tier(name)
        for event in events:
            made.add_annotation(name, round(1000 * event.onset), round(1000 * event.offset), label(event))
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + elan.to_string(made) + "\n"


def read(path: str | os.PathLike) -> Recording:
    """Movements of an ELAN file. Raises InputError when it is none or no annotation names an action unit."""
    elan, name = _library(), Path(path).name
    try:
        document = elan.Eaf(str(path), suppress_version_warning=True)
        aligned = [(tier, start, end, note) for tier in document.get_tier_names() if not document.tiers[tier][1]
                   for start, end, note in document.get_annotation_data_for_tier(tier)]
    except Exception:  # whatever the parser trips over: XML, missing time slots, other documents
        raise InputError(f"{name}: not a readable ELAN file. Save it as .eaf from ELAN.") from None
    timed = [(tier, start / 1000, end / 1000, note or "") for tier, start, end, note in aligned if None not in (start, end)]
    media = document.get_linked_files()
    return Recording(media[0]["MEDIA_URL"] if media else name, from_tiers(name, timed))


def _library():
    try:
        from pympi import Elan
    except ModuleNotFoundError:
        raise InputError(f"ELAN files need pympi-ling. Install it with {EXTRA}") from None
    return Elan
