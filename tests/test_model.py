"""The model: training and generation see the same embeddings, batches equal single faces, evidence acts where it should."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoProcessor

from emollm.model.config import EmoLLMConfig
from emollm.model.emollm import EmoLLM
from emollm.model.encoder import AUEncoder, ScalarEmbedding, face_tokens
from emollm.model.peaks import Peaks
from emollm.model.processor import FACE_KEYS, IGNORE, EmoLLMProcessor, collate, face_input
from emollm.model.tower import build_tower, patch_features
from emollm.schema import AU_NAMES, au_index
from emollm.what_if import edit

QUESTIONS = ["Why?", "Which movements are visible in this face?", "Why is this face read the way it is?"]
ANSWERS = ["AU12 lip corner puller | both | 3.0 marked | still | mouth corner pulled up and back\n"
           "Interpretation: The corner goes up.\nConclusion: happiness.", "Conclusion: fear.",
           "Interpretation: nothing.\nConclusion: neutral. Next comes sadness."]


@pytest.fixture(scope="module")
def faces(photo_of, clip_of):
    """A photo with pixels, a clip with three key frames, and action units without pixels."""
    draw = np.random.default_rng(0)
    clip, events = clip_of({"AU12": (1, 2, 3, 4, 2), "AU04": (0, 1, 4, 3, 3)})
    chips = draw.integers(0, 256, (4, 48, 48, 3), dtype=np.uint8)
    return [face_input(photo_of({"AU12": 3.0, "AU06": 2.0}), [], [0], chips[:1]),
            face_input(clip, events, [0, 10, 20], chips[1:]),
            face_input(photo_of({"AU01": (3, 1), "AU25": 4}, hidden=["AU25", "AU26"]), [], [0])]


def face_of(batch) -> dict:
    return {k: batch[k] for k in FACE_KEYS if k in batch}


def tokens_of(model, processor, faces) -> list[torch.Tensor]:
    with torch.no_grad():
        return face_tokens(model.face, collate([processor.face_arrays(f) for f in faces]))


# --- training = generation ----------------------------------------------------------------------------------------

@torch.no_grad()
def test_training_and_generation_see_the_same(tiny, faces):
    """Same prompt ids, same embeddings, same logits where the answer begins, for a batch of unlike faces: what a model
    is trained on is what it is asked."""
    model, processor = tiny
    train, asked = processor.encode(faces, QUESTIONS, ANSWERS), processor.encode(faces, QUESTIONS)
    in_training = model.embed(train["input_ids"], face_of(train))
    in_generation = model.embed(asked["input_ids"], face_of(asked))
    train_logits = model(**train).logits
    asked_logits = model(**asked).logits
    for row in range(len(faces)):
        begin = int(train["labels"][row].ne(IGNORE).long().argmax())
        given = asked["attention_mask"][row].bool()
        assert train["input_ids"][row, :begin].tolist() == asked["input_ids"][row, given].tolist()
        assert torch.equal(in_training[row, :begin], in_generation[row, given])
        torch.testing.assert_close(train_logits[row, begin - 1], asked_logits[row, -1], atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_generation_starts_from_those_logits(tiny, faces):
    """The first step of model.generate, with its own position ids and cache, against the plain forward pass."""
    model, processor = tiny
    asked = processor.encode(faces, QUESTIONS)
    out = model.generate(**asked, max_new_tokens=3, do_sample=False, return_dict_in_generate=True, output_logits=True,
                         pad_token_id=processor.tokenizer.pad_token_id, eos_token_id=None)
    torch.testing.assert_close(out.logits[0], model(**asked).logits[:, -1], atol=1e-4, rtol=1e-4)
    longer = dict(asked)
    longer["input_ids"] = out.sequences[:, :-1]
    longer["attention_mask"] = torch.cat([asked["attention_mask"], torch.ones(3, 2, dtype=torch.long)], 1)
    torch.testing.assert_close(out.logits[2], model(**longer).logits[:, -1], atol=1e-4, rtol=1e-4)  # cached = uncached


@torch.no_grad()
def test_a_batch_is_its_faces_one_by_one(tiny, faces):
    model, processor = tiny
    batch = processor.encode(faces, QUESTIONS)
    together = tokens_of(model, processor, faces)
    logits = model(**batch).logits[:, -1]
    assert [len(t) for t in together] == [40, 72, 24]
    for row, face in enumerate(faces):
        alone = tokens_of(model, processor, [face])[0]
        torch.testing.assert_close(together[row], alone, atol=1e-5, rtol=1e-4)
        single = model(**processor.encode([face], [QUESTIONS[row]])).logits[0, -1]
        torch.testing.assert_close(logits[row], single, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(logits[0], logits[1], atol=1e-2)


@torch.no_grad()
def test_cached_features_are_the_chips(tiny, faces):
    """Training reads tower features from a cache instead of running the tower."""
    model, processor = tiny
    cached = []
    for face in faces:
        features = None if face.chips is None else model.face.visual_features(processor.normalise(face.chips)).numpy()
        cached.append(dataclasses.replace(face, chips=None, visual_features=features))
    for a, b in zip(tokens_of(model, processor, faces), tokens_of(model, processor, cached), strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)
    assert processor.encode(faces, QUESTIONS)["input_ids"].tolist() == processor.encode(cached, QUESTIONS)["input_ids"].tolist()


# --- what evidence does -------------------------------------------------------------------------------------------

def test_not_measured_is_not_absent(tiny, photo_of):
    """A masked unit must not look like a unit at rest, and what is under the mask must not show."""
    model, processor = tiny
    at_rest, masked, masked_else = tokens_of(model, processor, [
        face_input(photo_of({"AU12": 3.0}), [], [0]), face_input(photo_of({"AU12": 3.0}, hidden=["AU04"]), [], [0]),
        face_input(photo_of({"AU12": 3.0, "AU04": 4.0}, hidden=["AU04"]), [], [0])])
    assert not torch.allclose(at_rest[au_index(4)], masked[au_index(4)], atol=1e-3)
    assert torch.equal(masked, masked_else)


def without_relations(model):
    """The model with its relation layer silenced: every unit's token depends on that unit alone."""
    plain = copy.deepcopy(model)
    with torch.no_grad():
        plain.face.au_encoder.out.weight.zero_()
    return plain


def test_an_edit_changes_its_own_token_before_the_relations(tiny, clip_of):
    """What-if is an edit of one token's input; only the relation layer carries it to other units."""
    model, processor = tiny
    series, events = clip_of({"AU12": (1, 2, 3, 4, 2), "AU04": (0, 1, 4, 3, 3)})
    faces = [face_input(series, events, [0, 20]), face_input(*edit(series, events, {"AU04": 0.0}), [0, 20])]
    before, after = tokens_of(without_relations(model), processor, faces)
    changed = (before != after).any(1)
    assert [AU_NAMES[k] for k in changed.nonzero()[:, 0]] == ["AU04"]
    related = tokens_of(model, processor, faces)
    assert (related[0] != related[1]).any(1).all()


@pytest.mark.parametrize("change", ["left", "right", "confidence", "earlier", "onset", "offset", "side"])
def test_every_property_of_a_movement_shows(tiny, photo_of, change):
    model, processor = tiny
    face = face_input(photo_of({"AU12": 3.0}), [], [0])
    au, times, peaks, k = face.au.copy(), face.times.copy(), face.peaks.copy(), au_index(12)
    if change in ("left", "right", "confidence"):
        au[0, k, ("left", "right", "confidence").index(change)] -= 0.5
    elif change == "earlier":
        times = times + 1
    else:
        peaks[k, Peaks._fields.index(change)] = 1
    edited = dataclasses.replace(face, au=au, times=times, peaks=peaks)
    one, other = tokens_of(model, processor, [face, edited])
    assert not torch.allclose(one[k], other[k], atol=1e-4)


def test_pixels_and_their_time_show(tiny, faces):
    model, processor = tiny
    face = faces[1]
    swapped = dataclasses.replace(face, chips=face.chips[::-1].copy())
    later = dataclasses.replace(face, times=face.times + np.float32(0.5))
    one, two, three = tokens_of(model, processor, [face, swapped, later])
    assert not torch.allclose(one[:16], two[:16], atol=1e-3)
    assert torch.equal(one[-24:], two[-24:])  # pixels do not touch the action units
    assert not torch.allclose(one[:16], three[:16], atol=1e-3)


def test_every_trained_parameter_gets_a_gradient(tiny, faces):
    """A module that is built but not connected would stay at its random start for ever."""
    model, processor = copy.deepcopy(tiny[0]), tiny[1]
    model(**processor.encode(faces, QUESTIONS, ANSWERS)).loss.backward()
    silent = {n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0}
    # softmax ignores what it shifts alike: a bias on every key, a bias on every moment; the look is fitted, not trained
    fitted = {"face.look_head.weight", "face.look_head.bias"}
    assert silent <= {"face.au_encoder.key.bias", "face.au_encoder.moment_score.bias"} | fitted


def test_padding_moments_do_not_count(tiny, faces):
    encoder, processor = tiny[0].face.au_encoder, tiny[1]
    batch = collate([processor.face_arrays(f) for f in faces[:2]])
    given = [batch[k] for k in ("au", "au_times", "au_frames", "au_peaks", "au_measured")]
    noisy = [given[0].clone(), given[1].clone(), *given[2:]]
    noisy[0][0, 1:], noisy[1][0, 1:] = 5.0, 99.0
    with torch.no_grad():
        torch.testing.assert_close(encoder(*given)[0], encoder(*noisy)[0], atol=1e-6, rtol=1e-6)


def test_scalar_embedding_is_linear_between_its_knots():
    curve = ScalarEmbedding([0.0, 1.0, 3.0], 4)
    rows = curve.table.weight
    found = curve(torch.tensor([0.0, 1.0, 2.0, 3.0, -5.0, 9.0]))
    torch.testing.assert_close(found, torch.stack([rows[0], rows[1], (rows[1] + rows[2]) / 2, rows[2], rows[0], rows[2]]))


def test_edges_depend_on_the_face():
    """The relation layer is computed per face, not one fixed graph."""
    torch.manual_seed(0)
    encoder = AUEncoder(16)
    arguments = lambda level: (torch.full((1, 1, 24, 3), level), torch.zeros(1, 1), torch.ones(1, 1, dtype=torch.bool),  # noqa: E731
                               torch.full((1, 24, 6), level), torch.ones(1, 24, dtype=torch.bool))
    with torch.no_grad():
        seen = []
        encoder.query.register_forward_hook(lambda module, given, out: seen.append(out @ encoder.key(given[0]).transpose(1, 2)))
        encoder(*arguments(0.0)), encoder(*arguments(2.0))
    assert not torch.allclose(seen[0], seen[1], atol=1e-4)


# --- errors and interfaces ----------------------------------------------------------------------------------------

def test_lost_placeholders_are_an_error(tiny, faces):
    """A prompt cut by a length limit must not silently drop evidence."""
    model, processor = tiny
    batch = processor.encode(faces[:1], ["Why?"])
    batch["input_ids"] = batch["input_ids"][:, 10:]
    with pytest.raises(ValueError, match=r"\d+ face placeholders for 40 face tokens"):
        model.embed(batch["input_ids"], face_of(batch))


@torch.no_grad()
def test_text_alone_works(tiny):
    model, processor = tiny
    ids = processor.tokenizer("Hello", return_tensors="pt")["input_ids"]
    assert model(input_ids=ids).logits.shape == (1, ids.shape[1], model.config.text_config.vocab_size)


def test_auto_classes_know_the_model(tiny, tiny_folder):
    assert isinstance(AutoConfig.from_pretrained(tiny_folder), EmoLLMConfig)
    assert isinstance(AutoProcessor.from_pretrained(tiny_folder), EmoLLMProcessor)
    model = AutoModelForCausalLM.from_pretrained(tiny_folder, dtype="float32")
    assert isinstance(model, EmoLLM)
    for (name, a), b in zip(tiny[0].named_parameters(), model.parameters(), strict=True):
        assert torch.equal(a, b), name


def test_the_output_layer_is_the_embedding(tiny):
    model = tiny[0]
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight


@torch.no_grad()
def test_any_language_model_and_any_open_clip_tower(tiny, faces):
    """A llama behind a small vision transformer, with four visual tokens a frame."""
    tokenizer = tiny[1].tokenizer
    text = {"model_type": "llama", "vocab_size": len(tokenizer), "hidden_size": 16, "num_hidden_layers": 1,
            "num_attention_heads": 2, "num_key_value_heads": 2, "intermediate_size": 32, "tie_word_embeddings": False}
    tower = {"embed_dim": 8, "vision_cfg": {"layers": 2, "width": 64, "head_width": 32, "patch_size": 12, "image_size": 48}}
    config = EmoLLMConfig(text_config=text, tower=tower, tower_channels=64, visual_tokens=4, au_hidden=8,
                          face_token_id=tokenizer.convert_tokens_to_ids("<|face_pad|>"))
    model, processor = EmoLLM(config).eval(), EmoLLMProcessor(tokenizer, visual_tokens=4)
    batch = processor.encode(faces, QUESTIONS, ANSWERS)
    assert model(**batch).logits.shape == (*batch["input_ids"].shape, len(tokenizer))
    hidden = model.hidden_states(**{k: v for k, v in batch.items() if k != "labels"})
    assert hidden.shape == (*batch["input_ids"].shape, 16)


def test_an_unknown_tower_is_named():
    with pytest.raises(ValueError, match="vision tower 'ViT-B-23' is not an open_clip architecture"):
        build_tower({"open_clip": "ViT-B-23"})


@torch.no_grad()
def test_pocket_tower_keeps_a_grid(tiny):
    assert patch_features(tiny[0].face.tower, torch.zeros(2, 3, 48, 48)).shape == (2, 256, 6, 6)
    assert tiny[0].face.visual_features(torch.zeros(2, 3, 48, 48)).shape == (2, 16, 256)
