"""What vLLM does with a measured face: tensors for the model, placeholders for the prompt, a key for the caches.

An item is what was measured in one picture or clip (`SentMedia` or `PreparedSource`, from the media connector) or the model
input of one face (`FaceInput`, from our own engine and routes). Plain pictures (PIL, arrays) are measured here, for `vllm.LLM`
users.
"""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from transformers import BatchFeature
from vllm.exceptions import VLLMClientError, VLLMUnprocessableEntityError, VLLMValidationError
from vllm.multimodal.inputs import MultiModalFieldConfig
from vllm.multimodal.media import MediaWithBytes
from vllm.multimodal.parse import ModalityDataItems, MultiModalDataParser
from vllm.multimodal.processing import (
    BaseDummyInputsBuilder,
    BaseMultiModalProcessor,
    BaseProcessingInfo,
    PromptReplacement,
    PromptUpdateDetails,
)

from emollm.answer import prompt
from emollm.explainer import prepare
from emollm.model.checkpoint import Shape
from emollm.model.config import EmoLLMConfig
from emollm.model.processor import EmoLLMProcessor, FaceInput, face_input
from emollm.request_fields import CHOICES
from emollm.schema import AU_NAMES, InputError, NoFaceError
from emollm.subject import PreparedSource
from emollm_vllm.plugin.faces import SentMedia, choose_subject, fingerprint
from emollm_vllm.plugin.request_places import Place

MODALITIES = ("image", "video")  # also the order in which a request's choices count its items
FIELDS = ("chips", "au", "times", "peaks", "measured")  # of one face, as emollm.model.processor.collate takes them


class BadRequest(VLLMValidationError):
    """400, in our own words alone (vLLM's class adds its fields to them)."""

    def __str__(self) -> str:
        return self.args[0]


class NothingToExplain(VLLMUnprocessableEntityError):
    """422: sound media without a readable face."""

    def __str__(self) -> str:
        return self.args[0]


def client_error(error: InputError, parameter: str, place: Place | None = None) -> VLLMClientError:
    """422 when there is nothing to explain in sound media, 400 when the request itself is wrong.

    place: of the picture or clip that it is about.
    """
    words = str(error).encode("utf-8", "replace").decode()  # a client's JSON can hold letters that no answer can
    words = words if place is None else place.add_name(words)
    return (NothingToExplain if isinstance(error, NoFaceError) else BadRequest)(words, parameter=parameter)


class FaceItems(ModalityDataItems[Sequence, object]):
    """The pictures or the clips of one prompt."""

    def get_count(self) -> int:
        return len(self.data)

    def get(self, index: int):
        return self.data[index]

    def get_item_for_hash(self, index: int) -> str:
        return fingerprint(self.data[index])

    def get_processor_data(self) -> Mapping[str, object]:
        return {self.modality: list(self.data)}

    def get_passthrough_data(self) -> Mapping[str, object]:
        return {}


class FaceParser(MultiModalDataParser):
    """Whatever stands in multi_modal_data becomes FaceItems."""

    def __init__(self, shape: Shape, **kwargs):
        super().__init__(**kwargs)
        self.shape = shape

    def _get_subparsers(self):
        return {m: lambda data, m=m: self._items(data, m) for m in MODALITIES}

    def _items(self, data, modality: str) -> FaceItems | None:
        if data is None:
            return None
        alone = not isinstance(data, (list, tuple))
        return FaceItems([self._item(d, modality) for d in ([data] if alone else data)], modality)

    def _item(self, item, modality: str):
        item = item.media if isinstance(item, MediaWithBytes) else item
        if isinstance(item, (SentMedia, PreparedSource, FaceInput)):
            return item
        if item is None:
            raise BadRequest(f"{modality}_url: no data came with it; send it as a data URL (the server keeps no media, so an "
                             "empty url or a uuid alone means nothing here)", parameter=f"{modality}_url")
        try:
            return prepare(np.asarray(item) if isinstance(item, torch.Tensor) else item, self.shape)
        except InputError as error:
            raise client_error(error, f"{modality}_url") from None


class FaceInfo(BaseProcessingInfo):
    def get_hf_config(self) -> EmoLLMConfig:
        return self.ctx.get_hf_config(EmoLLMConfig)

    def get_hf_processor(self, **kwargs: object) -> EmoLLMProcessor:
        return self.ctx.get_hf_processor(EmoLLMProcessor)  # no kwargs: they belong to items, not to the processor

    def get_supported_mm_processor_kwargs(self) -> dict[str, set[str]]:
        return {}

    def get_supported_mm_limits(self) -> Mapping[str, int | None]:
        return dict.fromkeys(MODALITIES)

    def get_data_parser(self) -> FaceParser:
        config = self.get_hf_config()
        return FaceParser(Shape(config.max_key_frames, config.chip_size))

    def get_mm_max_tokens_per_item(self, seq_len: int, mm_counts: Mapping[str, int]) -> Mapping[str, int]:
        config = self.get_hf_config()
        most = {"image": config.face_tokens(1) + 2, "video": config.face_tokens(config.max_key_frames) + 2}
        return {m: most[m] for m in mm_counts if m in most}


class DummyFaces(BaseDummyInputsBuilder[FaceInfo]):
    """An invented face, so that start-up needs no picture."""

    def get_dummy_text(self, mm_counts: Mapping[str, int]) -> str:
        return prompt.FACE * sum(mm_counts.values())

    def get_dummy_mm_data(self, seq_len: int, mm_counts: Mapping[str, int], mm_options) -> dict:
        config = self.info.get_hf_config()
        frames = {"image": 1, "video": config.max_key_frames}
        return {m: [_blank(frames[m], config.chip_size)] * n for m, n in mm_counts.items() if n}


def _blank(frames: int, side: int) -> FaceInput:
    units = len(AU_NAMES)
    return FaceInput(np.zeros((frames, units, 3), np.float32), np.arange(frames, dtype=np.float32),
                     np.zeros((units, 6), np.float32), np.ones(units, bool), np.full((frames, side, side, 3), 128, np.uint8))


class FaceProcessor(BaseMultiModalProcessor[FaceInfo]):
    def _call_hf_processor(self, hf_data: Mapping[str, object], hf_kwargs: Mapping[str, object]) -> BatchFeature:
        """Items to tensors, one list per field and modality. Client choices are spread over the items in order."""
        items = [(m, item) for m in MODALITIES for item in hf_data.get(m, ())]
        columns: dict[str, list] = {}
        for k, (modality, item) in enumerate(items):
            processor = self.info.get_hf_processor()
            arrays = processor.face_arrays(self._face(item, modality, self._choices(hf_kwargs, k, len(items))))
            no_pixels = torch.zeros(0, 3, processor.chip_size, processor.chip_size)
            for field, array in ({"chips": no_pixels} | arrays).items():
                columns.setdefault(f"{modality}_{field}", []).append(array)
        return BatchFeature(columns)

    def _face(self, item: SentMedia | PreparedSource | FaceInput, modality: str, choices: dict) -> FaceInput:
        if isinstance(item, FaceInput):
            return item
        prepared, place = (item.prepared, item.place) if isinstance(item, SentMedia) else (item, None)
        try:
            s = choose_subject(prepared, **choices)
            return face_input(s.series, s.events, s.key_frames, s.chips, s.seen, s.prior)
        except InputError as error:
            chosen = choices and not isinstance(error, NoFaceError)
            where = f"{modality}_url" if place is None else place.param
            raise client_error(error, "mm_processor_kwargs" if chosen else where, place) from None

    @staticmethod
    def _choices(kwargs: Mapping[str, object], index: int, count: int) -> dict:
        """What the client chose for one item. Raises BadRequest for unknown names and lists of another length."""
        chosen = {}
        for name, values in kwargs.items():
            if name not in CHOICES:
                raise BadRequest(f"mm_processor_kwargs: {name[:20]!a} is not known; use {', '.join(CHOICES)}",
                                 parameter="mm_processor_kwargs")
            if not isinstance(values, (list, tuple)) or len(values) != count:
                raise BadRequest(f"mm_processor_kwargs.{name} must be a list with one entry (or null) for each of the "
                                 f"{count} pictures and clips", parameter=f"mm_processor_kwargs.{name}")
            if values[index] is not None:
                chosen[name] = values[index]
        return chosen

    def _get_mm_fields_config(self, hf_inputs: BatchFeature, hf_processor_mm_kwargs) -> dict[str, MultiModalFieldConfig]:
        return {key: MultiModalFieldConfig.batched(key.partition("_")[0]) for key in hf_inputs}

    def _get_prompt_updates(self, mm_items, hf_processor_mm_kwargs, out_mm_kwargs) -> list[PromptReplacement]:
        tokenizer = self.info.get_tokenizer()
        start, pad, end, face = tokenizer.convert_tokens_to_ids(
            [prompt.FACE_START, prompt.FACE_PAD, prompt.FACE_END, prompt.FACE])
        config = self.info.get_hf_config()

        def expand(modality: str, index: int) -> PromptUpdateDetails:
            frames = len(out_mm_kwargs[modality][index][f"{modality}_chips"].data)
            return PromptUpdateDetails.select_token_id([start] + [pad] * config.face_tokens(frames) + [end], pad)

        return [PromptReplacement(m, target=[face], replacement=lambda index, m=m: expand(m, index))
                for m in MODALITIES if m in mm_items]

    # The two hooks below keep a client's choices with their own item: vLLM's would hash the whole list with every item and
    # hand it whole to the items missing from the cache, so that reordered pictures got each other's action units.

    def _get_mm_hashes(self, inputs) -> dict[str, list[str]]:
        items = [(m, k) for m in MODALITIES if m in inputs.mm_data_items for k in range(len(inputs.mm_data_items[m]))]
        hashes: dict[str, list[str]] = {m: [] for m in inputs.mm_data_items}
        for position, (modality, k) in enumerate(items):
            choices = self._choices(inputs.hf_processor_mm_kwargs, position, len(items))
            key = (self.info.model_id, modality, inputs.mm_data_items[modality].get_item_for_hash(k), sorted(choices.items()))
            hashes[modality].append(hashlib.sha256(repr(key).encode()).hexdigest())
        return hashes

    def _get_cache_missing_processor_kwargs(self, inputs, mm_is_cached) -> dict[str, list]:
        cached = [c for m in MODALITIES for c in mm_is_cached.get(m, ())]
        return {name: [v for v, known in zip(values, cached, strict=True) if not known]
                for name, values in inputs.hf_processor_mm_kwargs.items()}
