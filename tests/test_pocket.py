"""What the shipped weights answer, through the main path."""

from test_explain import check

from emollm.explainer import explain
from emollm.model.checkpoint import MODELS
from emollm.schema import AU_NAMES


def test_pocket_reads_the_astronaut(astronaut_file):
    found = explain(astronaut_file)[0]
    check(found)
    assert found.label == "happiness"
    assert "AU12" in {c.au for c in found.claims if c.level}
    assert not [n for n in found.notices if "grammar" in n or "conclusion by itself" in n]
    assert found.interpretation
    assert found.conclusion


def test_pocket_needs_no_grounding(astronaut_file):
    """What the weights have learnt, not what decoding forces: free answers follow the grammar, list the measured movements
    and state their strength as near as two coders agree."""
    found = explain(astronaut_file, grounded=False)[0]
    assert found.label == "happiness"
    lines = {c.au: c for c in found.claims if c.level}
    assert lines.keys() == {c.au for c in explain(astronaut_file)[0].claims if c.level}
    assert lines["AU12"].verdict == "supported"


def test_pocket_follows_an_edit(astronaut_file):
    found = explain(astronaut_file, what_if={"AU12": 0.0}, grounded=False)[0]
    assert "AU12" not in {c.au for c in found.claims if c.level}


def test_pocket_reads_a_facs_code():
    assert explain("6C+12D+25C")[0].label == "happiness"


def test_pocket_is_small_and_says_what_it_is():
    from safetensors import safe_open

    path = MODELS / "pocket" / "model.safetensors"
    assert path.stat().st_size <= 25e6
    with safe_open(path, "pt") as stored:
        metadata = stored.metadata()
    assert metadata["au_names"].split() == list(AU_NAMES)
    assert {"prompt_version", "training_data", "licence", "evidence_version"} <= metadata.keys()
    assert all(metadata.values())
