"""Which options vLLM has, read off its source: importing it takes ten seconds, a typo should not."""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path

from emollm.arguments import suggestion
from emollm.schema import InputError

SOURCES = ("engine/arg_utils.py", "entrypoints/launchers/cli_args.py", "entrypoints/openai/cli_args.py")


def vllm_options() -> set[str]:
    """Option names, `--no-` forms included: those written out, and the fields of the classes that options are made from.
    Empty when vLLM is not installed or keeps its options elsewhere."""
    spec = importlib.util.find_spec("vllm")
    folder = Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None
    texts = [(folder / name).read_text(encoding="utf-8") for name in SOURCES if folder and (folder / name).is_file()]
    names = {name for text in texts for name in re.findall(r"[\"'](--[a-z][\w-]*)[\"']", text)}
    for text in texts:
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef):
                names |= {f"--{field.target.id}" for field in node.body
                          if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)}
    names = {name.replace("_", "-") for name in names}
    return names | {f"--no-{name[2:]}" for name in names}


def check_options(words: list[str], own: list[str]) -> None:
    """Refuse an option that neither `emollm serve` (own) nor vLLM has, with what was probably meant. Raises InputError."""
    options = vllm_options()
    for word in words:
        name = word.partition("=")[0].replace("_", "-").partition(".")[0]  # --config.key=value sets a key of an option
        if options and word.startswith("--") and name not in options:
            raise InputError(f"{name}: neither emollm serve nor vLLM has this option{suggestion(name, [*own, *options])}. "
                             "See 'emollm serve --help'.")
