"""Lines that a run on a cluster writes: one shard for every answering process, and how they become one result.

    OUTPUT.shards/000001-00000.jsonl    a `Log` like OUTPUT, with its settings beside it; run 1, its first process
    OUTPUT.shards/manifest.json         every file that holds lines, with counts and checksum

A process that died may have written lines that were then answered once more by another, and lines of an earlier run may be
of a file that was edited since. `merge` and `settle` leave exactly one line an item: shards are newer than OUTPUT and
later ones newer than earlier ones, so a line with another key replaces one, and so does an answer an error. Both may be
stopped anywhere and begun again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from emollm.caption.run.log import Entry, Log, Scan, read_settings
from emollm.caption.run.settings import digest
from emollm.files import write_file
from emollm.schema import InputError

AT_ONCE = 256  # lines between two waits for the disk
PATIENCE = 60.0  # s that a dying process may still hold its shard


def folder_of(output: str) -> Path:
    return Path(f"{output}.shards")


def manifest_of(output: str) -> Path:
    return folder_of(output) / "manifest.json"


def shards_of(output: str) -> list[str]:
    """Shards of an output, oldest first."""
    return sorted(map(str, folder_of(output).glob("[0-9]*-[0-9]*.jsonl")))


def names(output: str) -> Iterator[str]:
    """Names for the shards of a new run, later in order than all that are there. Counted, because clocks jump."""
    folder = folder_of(output)
    run = 1 + max((int(Path(path).name.split("-")[0]) for path in shards_of(output)), default=0)
    number = 0
    while True:
        yield str(folder / f"{run:06d}-{number:05d}.jsonl")
        number += 1


def merge(log: Log) -> int:
    """Move the lines of all shards into the open output and take the shards away; how many lines were moved.

    Raises InputError when a shard was made with other settings or is still being written.
    """
    moved = 0
    for path in shards_of(log.path):
        with _open(path, log.settings) as shard:
            newer = [i for i, entry in shard.entries.items() if _replaces(entry, log.entries.get(i))]
            for start in range(0, len(newer), AT_ONCE):
                log.append([shard.read(custom_id) for custom_id in newer[start:start + AT_ONCE]])
            moved += len(newer)
        _remove(path)
    log.compact()
    manifest_of(log.path).unlink(missing_ok=True)
    if folder_of(log.path).is_dir() and not any(folder_of(log.path).iterdir()):
        folder_of(log.path).rmdir()
    return moved


def settle(log: Log) -> dict[str, Entry]:
    """Leave the lines in their shards, one an item; what is finished, in the output and in all shards.

    Raises InputError as merge().
    """
    entries, owner, outdated = dict(log.entries), dict.fromkeys(log.entries, log.path), defaultdict(list)
    for path in shards_of(log.path):
        with _open(path, log.settings) as shard:
            for custom_id, entry in shard.entries.items():
                if _replaces(entry, entries.get(custom_id)):
                    if custom_id in entries:
                        outdated[owner[custom_id]].append(custom_id)
                    entries[custom_id], owner[custom_id] = entry, path
                else:
                    outdated[path].append(custom_id)
    _drop(log, outdated.pop(log.path, []))
    for path, custom_ids in outdated.items():
        with _open(path, log.settings) as shard:
            _drop(shard, custom_ids)
    return entries


def gather(log: Log, keep: bool) -> dict[str, Entry]:
    """One line an item, of all that is there: in the output, or (keep) wherever it stands. What is finished.

    Raises InputError as merge().
    """
    if keep:
        return settle(log)
    merge(log)
    return log.entries


def write_manifest(log: Log, total: int, complete: bool, parts: bool = True) -> dict:
    """Write manifest.json, whole or not at all. parts: list the files with counts and checksums; no process may be
    writing them then."""
    listed = [part for part in map(_part, [log.path, *shards_of(log.path)]) if part["lines"]] if parts else []
    told = {"output": os.path.basename(log.path), "settings_sha256": digest(log.settings), "settings": log.settings,
            "total": total, "complete": complete, "done": sum(p["answers"] for p in listed),
            "errors": sum(p["errors"] for p in listed), "shards": listed}
    folder_of(log.path).mkdir(exist_ok=True)
    write_file(manifest_of(log.path), json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    return told


def status(output: str) -> dict:
    """Counts of an output and its shards, also while they are written: done, errors by code, total, complete. Needs no
    model. Raises InputError when there is no such output."""
    entries: dict[str, tuple[Entry, str]] = {}
    try:
        for path in [output, *shards_of(output)]:
            with open(path, "rb") as handle:
                for custom_id, entry in Scan(handle).entries.items():
                    if custom_id not in entries or _replaces(entry, entries[custom_id][0]):
                        entries[custom_id] = entry, path
    except OSError as error:
        raise InputError(f"{output}: this output cannot be read ({error.strerror}). Give the file named with -o.") from None
    beside = Path(f"{output}.settings.json")
    if not beside.exists() and not entries:
        raise InputError(f"{output}: this file was not written by emollm caption.")
    told = read_settings(beside) if beside.exists() else {}
    codes = Counter(_code(path, entry) for entry, path in entries.values() if not entry.ok)
    return {"output": output, "done": sum(entry.ok for entry, _ in entries.values()), "errors": dict(sorted(codes.items())),
            "total": told.get("total"), "complete": bool(told.get("complete")), "settings": told.get("settings"),
            **({"shards": len(shards_of(output))} if shards_of(output) else {})}


def _replaces(new: Entry, old: Entry | None) -> bool:
    """Whether a line counts instead of an older one of the same item."""
    return old is None or new.key != old.key or (new.ok and not old.ok)


def _part(path: str) -> dict:
    """What the manifest says of one file; `file` is relative to the folder of OUTPUT."""
    with open(path, "rb") as handle:
        entries = Scan(handle).entries.values()
        handle.seek(0)
        sha256 = hashlib.file_digest(handle, "sha256").hexdigest()
    answers, folder = sum(entry.ok for entry in entries), os.path.basename(os.path.dirname(path))
    return {"file": f"{folder}/{os.path.basename(path)}" if folder.endswith(".shards") else os.path.basename(path),
            "lines": len(entries), "answers": answers, "errors": len(entries) - answers, "bytes": os.path.getsize(path),
            "sha256": sha256}


def _drop(log: Log, custom_ids: list[str]) -> None:
    """Take lines out that count no more, and those replaced or damaged."""
    for custom_id in custom_ids:
        del log.entries[custom_id]
        log.scan.stale += 1
    log.compact()


def _open(path: str, settings: dict) -> Log:
    """A shard, after waiting for a process of it that is on its way out."""
    end = time.monotonic() + PATIENCE
    while _is_locked(path) and time.monotonic() < end:
        time.sleep(0.2)
    return Log(path, settings)


def _is_locked(path: str) -> bool:
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def _remove(path: str) -> None:
    Path(f"{path}.settings.json").unlink(missing_ok=True)  # first: alone it would never be found again
    os.unlink(path)


def _code(path: str, entry: Entry) -> str:
    with open(path, "rb") as handle:
        handle.seek(entry.offset)
        return json.loads(handle.read(entry.length))["error"]["code"]
