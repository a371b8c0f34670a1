"""What the shipped weights answer, through the main path."""

import pytest
from test_explain import check

from emollm.explainer import explain
from emollm.model.checkpoint import MODELS
from emollm.schema import AU_NAMES, InputError


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


ANGER = {"AU06": 0.0, "AU12": 0.0, "AU25": 0.0, "AU04": 4.0, "AU05": 3.0, "AU07": 4.0, "AU23": 4.0}


@pytest.mark.parametrize("grounded", [True, False])
def test_the_label_follows_stated_movements(astronaut_file, grounded):
    """A smile on which the movements of anger are stated; the look stays what it was, and the conflict is told."""
    found = explain(astronaut_file, what_if=ANGER, grounded=grounded)[0]
    assert found.label == "anger" == max(found.distribution, key=found.distribution.get)
    assert found.text.partition("Conclusion: ")[2].startswith("anger")
    assert {one["au"] for one in found.support} == {"AU04", "AU05", "AU07", "AU23"}
    assert found.because.endswith(".") and "AU12" not in found.because
    assert found.confidence <= 0.985  # nobody is certain
    if max(found.witnesses["look"], key=found.witnesses["look"].get) != "anger":
        assert found.confidence < max(found.witnesses["movements"].values())
    check(found, grounded)  # without, pocket may list what the pixels show beside what was stated; the verifier marks it


def test_evidence_given_with_a_picture_counts_as_stated(astronaut_file):
    found = explain(astronaut_file, evidence="1D+4D+15D+17C")[0]
    assert found.label == "sadness"
    assert {one["au"] for one in found.support} == {"AU01", "AU04", "AU15", "AU17"}


@pytest.mark.parametrize("code, label", [
    ("4D+7D+17D+23D+24D", "anger"), ("1D+4D+15D+17C", "sadness"), ("9D+10D+17C", "disgust"), ("R14C", "contempt"),
    ("1C+2C+4C+5D+20C+25B", "fear"), ("1C+2C+5D+26D", "surprise")])
def test_codes_without_pixels_rest_on_the_movements(code, label):
    found = explain(code)[0]
    assert found.label == label
    assert found.distribution == pytest.approx(found.witnesses["movements"], abs=1e-4)
    assert found.witnesses["look"] == {}
    assert found.because.startswith(f"Listed for {label} and present here: ")
    check(found)


def test_a_trace_is_concluded_with_doubt():
    found = explain("4A")[0]
    assert found.label == "neutral"
    assert found.confidence <= 0.6


def test_codes_that_are_none_are_named_and_the_rest_is_used():
    found = explain("1C+2C+99+5D+26D+7Q")[0]
    assert found.label == "surprise"
    assert [n for n in found.notices if "AU99" in n] and [n for n in found.notices if "7Q" in n]
    assert "AU07" not in found.because
    with pytest.raises(InputError, match="unknown action unit '99'"):
        explain("99+98")


def test_contradictory_evidence_is_read_as_unsure():
    found = explain("6C+12D+1D+4D+15D")[0]
    assert found.against
    assert "Against it: " in found.because


def test_pocket_is_small_and_says_what_it_is():
    from safetensors import safe_open

    path = MODELS / "pocket" / "model.safetensors"
    assert path.stat().st_size <= 25e6
    with safe_open(path, "pt") as stored:
        metadata = stored.metadata()
    assert metadata["au_names"].split() == list(AU_NAMES)
    assert {"prompt_version", "training_data", "licence", "evidence_version"} <= metadata.keys()
    assert all(metadata.values())
