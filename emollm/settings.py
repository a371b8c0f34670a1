"""Strict YAML settings: every key must be known, every known key must be there."""

from __future__ import annotations

import difflib
from pathlib import Path

from emollm.schema import InputError


def load(path: str, *keys: str) -> dict:
    """Settings with exactly `keys`. Raises InputError naming the file and the key, with a suggestion."""
    import yaml

    try:
        settings = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not valid YAML ({str(error).splitlines()[0]})") from None
    if not isinstance(settings, dict):
        raise InputError(f"{path}: expected `key: value` lines")
    for key in settings:
        if key not in keys:
            near = difflib.get_close_matches(str(key), keys, 1)
            raise InputError(f"{path}: unknown key '{key}'" + (f" (did you mean '{near[0]}'?)" if near else
                                                              f"; known keys: {', '.join(keys)}"))
    if missing := [k for k in keys if k not in settings]:
        raise InputError(f"{path}: missing key '{missing[0]}'")
    return settings
