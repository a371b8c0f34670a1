"""Files written whole or not at all, and where the files that come with emollm lie."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from emollm.schema import InputError

if TYPE_CHECKING:
    import numpy as np

MODELS = Path(__file__).parent / "models"  # shipped checkpoints, one folder each
MAX_HELD_BYTES = 2**30  # of a file or stream that is held in memory
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
        raise cannot_write(path, error) from None
    finally:
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def cannot_write(path: str | os.PathLike, error: OSError) -> InputError:
    return InputError(f"{path}: cannot write this file ({error.strerror}). Choose a folder that exists and is writable.")


def check_target(path: str, sources: list[str], option: str = "") -> None:
    """Refuse before anything is written what is a folder, or one of the sources. option: before the path in messages."""
    if os.path.isdir(path):
        raise InputError(f"{option}{path}: this is a folder. Give the name of a file.")
    for source in sources:
        if os.path.exists(path) and os.path.exists(source) and os.path.samefile(path, source):
            raise InputError(f"{option}{path}: this would overwrite the input. Give another name.")


def open_fitted_table(path: Path, maker: str) -> np.lib.npyio.NpzFile:
    """The arrays of one of the tables that come with emollm, opened. maker: the script that writes it. Raises InputError when
    it is missing."""
    import numpy as np

    if not path.is_file():
        raise InputError(f"{path}: missing; reinstall emollm or run data_engine/{maker}")
    return np.load(path, allow_pickle=False)


def umask() -> int:
    """The process's file mode mask; the system only tells it while setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
