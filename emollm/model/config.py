"""Shape of an EmoLLM model and what its checkpoint says about itself."""

from typing import Any

from transformers import AutoConfig, PreTrainedConfig
from transformers.models.auto import CONFIG_MAPPING

from emollm.answer.prompt import PROMPT_VERSION
from emollm.schema import AU_NAMES


class EmoLLMConfig(PreTrainedConfig):
    """Visual tower + action-unit encoder + causal language model.

    tower: what `tower.build_tower` takes. chip_size: side of a face chip in pixels; chip_grey: one channel repeated;
    chip_mean, chip_std: normalisation of 0-1 pixels. visual_tokens: tokens per key frame, a square number.
    au_hidden: width of the action-unit encoder. face_token_id: id of the placeholder that face tokens replace.
    label_temperature: divides the label logits, fitted on validation faces.
    """

    model_type = "emollm"
    sub_configs = {"text_config": AutoConfig}

    text_config: dict | PreTrainedConfig | None = None
    tower: dict | None = None
    tower_channels: int = 256
    chip_size: int = 48
    chip_grey: bool = True
    chip_mean: float | list = 0.5
    chip_std: float | list = 0.5
    visual_tokens: int = 16
    au_hidden: int = 128
    max_key_frames: int = 4
    face_token_id: int = 0
    label_temperature: float = 1.0
    au_names: list | None = None
    prompt_version: str = PROMPT_VERSION
    evidence_version: str = ""
    tie_word_embeddings: bool = True

    def __post_init__(self, **kwargs: Any) -> None:
        self.au_names = list(self.au_names or AU_NAMES)
        if isinstance(self.text_config, dict):
            kind = self.text_config.get("model_type", "qwen3")
            self.text_config = CONFIG_MAPPING[kind](**self.text_config)
        elif self.text_config is None:
            self.text_config = CONFIG_MAPPING["qwen3"]()
        self.tie_word_embeddings = self.text_config.tie_word_embeddings
        super().__post_init__(**kwargs)

    @property
    def grid_side(self) -> int:
        """Side of the grid that patch features are pooled to."""
        return int(self.visual_tokens**0.5)

    def face_tokens(self, key_frames: int) -> int:
        """Number of tokens one face takes."""
        return face_token_count(self.visual_tokens, key_frames)


def face_token_count(visual_tokens: int, key_frames: int) -> int:
    """Number of tokens one face takes: its key frames' visual tokens, then one token per action unit."""
    return key_frames * visual_tokens + len(AU_NAMES)
