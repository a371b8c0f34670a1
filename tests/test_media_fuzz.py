"""Damaged files of every accepted format through the process that decodes them; thousands more: bench/fuzz_media.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))
import damaged
import fuzz_media

COUNT = 160


def test_damaged_files_are_measured_or_refused_and_nothing_else():
    """Two of each format: every one is accounted for, none ends in an internal error, a hang or a message with an address."""
    found = fuzz_media.run(0, COUNT, workers=1)
    assert sum(found["counts"].values()) == COUNT and set(found["counts"]) <= {"measured", "no face", "refused", "died"}
    assert found["failures"] == []
    assert found["peak"] < 2 * 2**30
    assert found["counts"]["refused"] > COUNT / 4 and found["counts"]["measured"] > COUNT / 10


def test_a_number_always_makes_the_same_file():
    assert damaged.damaged(77) == damaged.damaged(77) != damaged.damaged(78)
