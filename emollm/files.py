"""Files written whole or not at all, and where the files that come with emollm lie."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from emollm.schema import InputError

MODELS = Path(__file__).parent / "models"  # shipped checkpoints, one folder each
DATA = Path(__file__).parent / "data"  # small fitted tables


def write_file(path: str | os.PathLike, content: str | bytes) -> None:
    """Write a file whole or not at all: a temporary file beside it, flushed to disk, then renamed over `path`.

    Raises InputError when the place cannot be written.
    """
    target = Path(path)
    data = content.encode("utf-8") if isinstance(content, str) else content
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as handle:
            temporary = handle.name
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        os.chmod(temporary, 0o666 & ~umask())
        os.replace(temporary, target)
    except OSError as error:
        raise InputError(f"{path}: cannot write this file ({error.strerror}). Choose a folder that exists and is "
                         "writable.") from None
    finally:
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def umask() -> int:
    """The process's file mode mask; the system only tells it while setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
