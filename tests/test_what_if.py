"""What-if edits: read, checked and made in one place."""

import pytest

from emollm.schema import InputError
from emollm.what_if import check_edits, parse_edits


def test_edits_are_read():
    assert parse_edits(["12=3", "au4=0"]) == {"AU12": 3.0, "AU04": 0.0}
    assert check_edits({"12": 3, "AU4": 0.0}) == {"AU12": 3.0, "AU04": 0.0}
    assert check_edits(None) == {}


@pytest.mark.parametrize("wrong, told", [
    (["AU04"], "--what-if AU04: write AU=LEVEL"), (["AU04=x"], "AU04=x: write"), (["AU04=6"], "AU04=6: write"),
    (["AU99=1"], "unknown action unit 'AU99'"), (["AU04=1", "AU4=2"], "AU04 is edited twice"),
    (["AU04=nan"], "AU04=nan: write")])
def test_wrong_pairs_are_named(wrong, told):
    with pytest.raises(InputError, match=told):
        parse_edits(wrong)


def test_wrong_edits_are_named():
    with pytest.raises(InputError, match="AU12=7: intensity must be between 0 and 5"):
        check_edits({"AU12": 7})
