"""Training records become batches: every record once an epoch, resumable, and pixels that fit their text."""

import itertools

import numpy as np
import pytest
import torch

from emollm.model.peaks import Peaks
from emollm.model.processor import IGNORE
from emollm.perception.events import side_and_strength
from emollm.schema import au_index
from emollm.training.features import FeatureCache
from emollm.training.record import Record
from emollm.training.records import Records, batches, encode_records, record_face


@pytest.fixture(scope="module")
def records(records_file) -> Records:
    return Records(str(records_file))


@pytest.fixture(scope="module")
def cache() -> FeatureCache:
    """Features that tell which row and variant they are."""
    rows = np.arange(100, 140)
    features = rows[:, None] + np.arange(4) / 10
    return FeatureCache(rows, np.broadcast_to(features[:, :, None, None], (40, 4, 16, 256)).astype(np.float16))


def record(series, events=(), keys=(0,), row: int | None = 107) -> Record:
    messages = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Conclusion: fear."}]
    return Record(0, messages, "fear", [0.125] * 8, series, list(events), list(keys), row, {})


def test_records_are_read_on_demand(records, records_file):
    lines = records_file.read_text().splitlines()
    assert len(records) == len(lines)
    for k in (0, 1, len(lines) - 1):
        assert records[k].to_json() == lines[k]
    assert records.lengths().tolist() == [len(line) for line in lines]


def test_a_torn_last_line_is_not_a_record(records_file, tmp_path):
    path = tmp_path / "torn.jsonl"
    path.write_bytes(records_file.read_bytes()[:-20])
    assert len(Records(str(path))) == len(Records(str(records_file))) - 1


def ids(stream, count):
    return [batch["input_ids"].tolist() for batch in itertools.islice(stream, count)]


def test_an_epoch_holds_every_record_once(records, tiny, monkeypatch):
    monkeypatch.setattr("emollm.training.records.encode_records", lambda picked, *_: [r.id for r in picked])
    stream = batches(records, tiny[1], None, 16, 0)
    per_epoch = len(records) // 16
    for _ in range(2):
        seen = itertools.chain.from_iterable(itertools.islice(stream, per_epoch))
        assert sorted(seen) == sorted(records[k].id for k in range(len(records)))


def test_batches_hold_records_of_similar_length(records, tiny, monkeypatch):
    """Padding is wasted work: within a batch lengths must vary less than over all records."""
    monkeypatch.setattr("emollm.training.records.encode_records", lambda picked, *_: [len(r.to_json()) for r in picked])
    spread = [max(b) - min(b) for b in itertools.islice(batches(records, tiny[1], None, 16, 0), 15)]
    assert np.median(spread) < np.ptp(records.lengths()) / 4


def test_the_order_depends_on_the_seed_alone(records, tiny):
    first = ids(batches(records, tiny[1], None, 8, 3), 4)
    assert ids(batches(records, tiny[1], None, 8, 3), 4) == first
    assert ids(batches(records, tiny[1], None, 8, 4), 4) != first


def test_a_resumed_stream_goes_on_where_it_stopped(records, tiny, cache):
    """Text and drawn pixels of batch n are the same whether or not the batches before it were made."""
    shifted = FeatureCache(np.arange(40), cache.features)
    whole = list(itertools.islice(batches(records, tiny[1], shifted, 64, 3), 7))
    for skip in (2, 5):  # five batches make an epoch or less: the second lies beyond it
        resumed = list(itertools.islice(batches(records, tiny[1], shifted, 64, 3, skip), 7 - skip))
        for a, b in zip(whole[skip:], resumed, strict=True):
            assert a.keys() == b.keys()
            assert all(torch.equal(a[k], b[k]) for k in a)


def test_a_batch_holds_answers_and_targets(records, tiny):
    picked = [records[k] for k in range(3)]
    batch = encode_records(picked, tiny[1], None, np.random.default_rng(0))
    assert batch["target"].tolist() == torch.tensor([r.target for r in picked]).tolist()
    for labels, r in zip(batch["labels"], picked, strict=True):
        assert tiny[1].tokenizer.decode(labels[labels != IGNORE]) == r.turns[-1] + "<|im_end|>"
    assert "chips" not in batch
    assert "visual_features" not in batch


# --- pixels -------------------------------------------------------------------------------------------------------

def variants_used(face) -> set[int]:
    return {round((float(v) - 107) * 10) for v in face.visual_features[:, 0, 0]}


def test_pixels_are_those_of_the_record(photo_of, cache):
    face = record_face(record(photo_of({"AU12": 3.0})), cache, np.random.default_rng(0))
    assert face.visual_features.shape == (1, 16, 256)
    assert 106.9 < face.visual_features[0, 0, 0] < 107.5
    assert record_face(record(photo_of({})), None, np.random.default_rng(0)).visual_frames == 0
    assert record_face(record(photo_of({}), row=None), cache, np.random.default_rng(0)).visual_frames == 0


def test_mirrored_pixels_never_meet_one_sided_text(photo_of, cache):
    """The text would name the wrong side."""
    draws = [np.random.default_rng(seed) for seed in range(60)]
    both = set().union(*(variants_used(record_face(record(photo_of({"AU12": 3.0})), cache, d)) for d in draws))
    one_sided = record(photo_of({"AU12": (3.0, 1.0), "AU06": 2.0}))
    one = set().union(*(variants_used(record_face(one_sided, cache, d)) for d in draws))
    assert both == {0, 1, 2, 3}
    assert one == {0, 2}  # odd variants are the mirrored ones


def test_one_sided_by_the_rule_that_the_text_follows(photo_of, cache):
    """Whatever prompt.observe would call left or right keeps its pixels unmirrored."""
    draw = np.random.default_rng(0)
    for left in np.arange(0, 5, 0.5):
        for right in np.arange(0, 5, 0.5):
            named = int(side_and_strength(np.float64(left), np.float64(right))[0]) != 2
            used = set().union(*(variants_used(record_face(record(photo_of({"AU12": (left, right)})), cache, draw))
                                 for _ in range(12)))
            assert not (named and used & {1, 3})


def test_a_hidden_one_sided_unit_does_not_count(photo_of, cache):
    hidden = record(photo_of({"AU12": (3.0, 0.0)}, hidden=["AU12"]))
    used = set().union(*(variants_used(record_face(hidden, cache, np.random.default_rng(s))) for s in range(40)))
    assert used == {0, 1, 2, 3}


def test_every_key_frame_has_pixels(clip_of, cache):
    series, events = clip_of({"AU12": (1, 2, 3, 4, 4)})
    face = record_face(record(series, events, (0, 20, 40)), cache, np.random.default_rng(0))
    assert face.visual_frames == 3
    assert Peaks.unpack(face.peaks[au_index(12)])[4:] == (1.0, 3.0)
