"""Strict YAML settings: every key must be known, every known key must be there."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from emollm.schema import InputError


def load(path: str, *keys: str, changes: Sequence[str] = ()) -> dict:
    """Settings with exactly `keys` (see check). changes: `key=value` or `part.key=value`, as on the command line, over what
    stands in the file. Raises InputError naming the file and the key, with a suggestion."""
    settings = read(path)
    for change in changes:
        _change(settings, change)
    check(path, settings, keys)
    return settings


def _change(settings: dict, change: str) -> None:
    """Set one key to a value written as in YAML. Raises InputError."""
    import yaml

    name, equals, value = change.partition("=")
    *parts, last = name.split(".")
    for part in parts:
        settings = settings.setdefault(part, {})
        if not isinstance(settings, dict):
            raise InputError(f"{change}: '{part}' has no parts")
    if not equals or not last:
        raise InputError(f"{change}: write key=value, such as seed=1")
    try:
        settings[last] = yaml.safe_load(value)
    except yaml.YAMLError:
        raise InputError(f"{change}: the value is no YAML") from None


def read(path: str) -> dict:
    """Settings as they stand in a file, not yet checked. Raises InputError when it is no YAML mapping."""
    import yaml

    try:
        settings = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not valid YAML ({str(error).splitlines()[0]})") from None
    if not isinstance(settings, dict):
        raise InputError(f"{path}: expected `key: value` lines")
    return settings


def check(path: str, settings: dict, keys: Sequence[str], within: str = "") -> None:
    """Raise InputError, naming `path`, unless `settings` has exactly `keys`. within: "lora." for the part `lora`.

    "lora.rank" is the key `rank` within `lora`, which must be a mapping then, or null where "lora" itself is among the keys.
    "mix.drawn?" may be left out.
    """
    parts: dict[str, list[str]] = {}
    for key in keys:
        name, _, inner = key.partition(".")
        parts.setdefault(name.removesuffix("?"), []).extend([inner] if inner else [])
    for key in settings:
        if key not in parts:
            near = difflib.get_close_matches(str(key), parts, 1)
            raise InputError(f"{path}: unknown key '{within}{key}'" + (
                f" (did you mean '{within}{near[0]}'?)" if near else f"; known keys: {', '.join(within + k for k in parts)}"))
    for name, inside in parts.items():
        if name not in settings:
            if f"{name}?" not in keys:
                raise InputError(f"{path}: missing key '{within}{name}'")
        elif inside and not (settings[name] is None and name in keys):
            if not isinstance(settings[name], dict) or not settings[name]:
                shape = ", ".join(k.removesuffix("?") + ": ..." for k in inside)
                raise InputError(f"{path}: '{within}{name}' must be {{{shape}}}" + (" or null" if name in keys else ""))
            check(path, settings[name], inside, f"{within}{name}.")
