"""The recipe of data_engine/README.md, from pictures to a shipped model, each step by its own command, on eight pictures."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from data_engine.__main__ import main as data_engine
from emollm import cli, demo, pack_model
from emollm.explainer import explain

ROOT = Path(__file__).parents[1]
SMALL = {"records": 60, "batch": 1, "steps": 3, "save_every": 2, "sizes": [36, 36], "strengths": [1, 0.5], "vocabulary": 1100,
         "language_model": {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1,
                            "head_dim": 16, "intermediate_size": 64, "max_position_embeddings": 1024,
                            "tie_word_embeddings": True, "initializer_range": 0.02}}


@pytest.fixture(scope="module")
def runs(fer, tmp_path_factory):
    """What the recipe leaves: a folder with every stage's output, made by its commands in its order."""
    folder = tmp_path_factory.mktemp("recipe")
    recipe = re.search(r"```bash\n(.*?)```", (ROOT / "data_engine" / "README.md").read_text(), re.DOTALL)[1]
    for command in re.findall(r"(python -m data_engine \w+|emollm train|emollm ship)([^#&\n]*)", recipe):
        run(command[0].split()[-1], command[1].split(), folder, fer)
    return folder


def run(step: str, words: list[str], folder: Path, fer: Path) -> None:
    """One command with its settings made small and its files in `folder`; fails unless it ends well."""
    given = [small(word, folder) if word.endswith(".yaml") else word.replace("runs/", f"{folder}/").replace("DIR", str(fer))
             for word in words]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["data_engine", step, *given])
        patch.setattr(pack_model, "MODELS", folder / "models")
        assert (data_engine() if step in ("observe", "build") else cli.main([step, *given])) == 0, (step, words)


def small(config: str, folder: Path) -> str:
    settings = yaml.safe_load((ROOT / config).read_text())
    settings |= {k: v for k, v in SMALL.items() if settings.get(k) is not None}
    settings = {k: v.replace("runs/", f"{folder}/") if isinstance(v, str) else v for k, v in settings.items()}
    path = folder / Path(config).name
    path.write_text(yaml.safe_dump(settings))
    return str(path)


def test_every_stage_leaves_what_the_next_one_reads(runs):
    assert len(np.load(runs / "faces.npz")["chips"]) == 8
    assert {p.parent.name for p in runs.glob("*/model")} >= {"language", "movement", "adapters", "reason", "polish"}


def test_the_shipped_model_answers(runs, astronaut_file):
    folder = runs / "models" / "pocket"
    digest, name = (folder / "SHA256SUMS").read_text().split()
    assert (len(digest), name) == (64, "model.safetensors")
    found = explain(astronaut_file, model=str(folder))
    assert found[0].label
    assert {claim.au for claim in found[0].claims if claim.kind == "observation"} <= {"AU06", "AU12", "AU25"}


def test_the_rule_of_both_witnesses_is_fitted_to_the_shipped_model(runs, fer, tmp_path, monkeypatch, capsys):
    from data_engine import fit_witnesses
    from emollm.answer.witnesses import MovementRule
    from emollm.evaluation import fer2013

    table = ["path,label,subject"]
    for number, picture in enumerate(fer2013.load(str(fer)).pictures([0, 2, 3])):
        picture.save(tmp_path / f"{number}.png")
        table.append(f"{number}.png,happiness,{number}")
    (tmp_path / "posed.csv").write_text("\n".join(table))
    monkeypatch.setattr(fit_witnesses, "WEIGHTS", tmp_path / "witnesses.npz")
    assert fit_witnesses.main(["--fer", str(fer), "--posed", str(tmp_path / "posed.csv"),
                               "--model", str(runs / "models" / "pocket")]) == 0
    assert "posed: accuracy 1.000" in capsys.readouterr().out.split("left out:")[1]  # every face of these is one label
    (tmp_path / "nobody.csv").write_text("path,label\n0.png,happiness\n")
    assert fit_witnesses.main(["--fer", str(fer), "--posed", str(tmp_path / "nobody.csv")]) == 2
    assert "needs its 'path' and its 'subject'" in capsys.readouterr().err
    with np.load(tmp_path / "witnesses.npz") as found:
        assert MovementRule(found["weights"], float(found["sure"])).weights.shape == (8, 17)


def test_the_demo_leaves_text_json_and_picture(tmp_path, capsys):
    assert demo.main(tmp_path / "demo") == 0
    assert {p.name for p in (tmp_path / "demo").iterdir()} == {"astronaut.png", "explanation.txt", "explanation.json",
                                                               "annotated.png"}
    assert "Commonly read as" in capsys.readouterr().out
