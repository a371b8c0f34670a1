"""Misspelt options and commands: one line that says what was probably meant, before anything heavy is loaded."""

import subprocess
import sys

import pytest

from emollm import cli


@pytest.mark.parametrize("words, told", [
    (["explain", "x.jpg", "--styel", "full"], "unrecognized arguments: --styel full (did you mean '--style'?)"),
    (["explian", "x.jpg"], "command 'explian' is not one of explain, measure"),
    (["explian", "x.jpg"], "(did you mean 'explain'?)"),
    (["explain", "x.jpg", "--style", "fll"], "--style 'fll' is not one of movement, label, brief, full, json"),
    (["explain", "x.jpg", "--what", "AU04=0"], "(did you mean '--what-if'?)"),
    (["explain", "x.jpg", "--json"], "--json (did you mean '--style json'?)"),
    (["explain", "x.jpg", "--quiet"], "--quiet (did you mean '--progress none'?)"),
    (["explain", "--image", "x.jpg"], "--image (a file is given without an option)"),
    (["explain", "x.jpg", "--device", "cuda"], "--device cuda. See"),
    (["explain", "-q", "Why?", "x.jpg"], "did you mean '--question'"),
    (["caption", "x", "-o", "o.csv"], "o.csv: caption writes JSON Lines, one an item. Name it .jsonl instead of .csv"),
    (["caption", "x", "-o", "o.jsonl", "--resume"], "unrecognized arguments: --resume"),
    (["explain", "x.jpg", "-o", "x.docx"], "x.docx: explain writes .txt, .md or .json"),
    (["explain", "x.jpg", "-o", "x.json", "--style", "brief"], "x.json: --style brief is text"),
])
def test_a_misspelling_is_named(words, told, capsys):
    assert cli.main(words) == 2
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("words, start", [
    (["help", "explain"], "usage: emollm explain"), (["explain", "--help"], "usage: emollm explain"),
    (["help"], "usage: emollm "),
    (["-V"], "emollm "), (["--version"], "emollm ")])
def test_help_and_version(words, start, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(start)


def test_serves_typos_are_found_before_vllm_is_imported():
    code = ("import sys; from emollm.cli import main\n"
            "print(main(['serve', '--max-model-len', '512', '--prot', '80']), 'vllm' in sys.modules, 'torch' in sys.modules)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2", "False", "False"]
    assert "--prot: neither emollm serve nor vLLM has this option (did you mean '--port'?)" in done.stderr


def test_every_option_of_vllm_is_known():
    """Read off vLLM's source; its own parser, asked in another process, is the judge."""
    pytest.importorskip("vllm")
    from emollm_vllm.process.options import vllm_options

    code = ("from vllm.entrypoints.launchers.cli_args import make_arg_parser\n"
            "from vllm.utils.argparse_utils import FlexibleArgumentParser\n"
            "parser = make_arg_parser(FlexibleArgumentParser())\n"
            "print(*[n for a in parser._actions for n in a.option_strings if n.startswith('--')])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    options = {name.replace("_", "-") for name in done.stdout.splitlines()[-1].split()}
    assert len(options) > 150
    assert options - vllm_options() <= {"--help"}
