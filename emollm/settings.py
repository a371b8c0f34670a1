"""Strict YAML settings: every key must be known, every known key must be there."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable
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


def run(main: Callable[[str], None], program: str) -> None:
    """Call `main` with the settings file named on the command line; one line and exit code 2 when it cannot be used."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: python -m {program} CONFIG.yaml")
    try:
        main(sys.argv[1])
    except InputError as error:
        print(f"{program}: {error}", file=sys.stderr)
        sys.exit(2)
