"""EmoLLM for vLLM: emollm's own face modules, unchanged, in front of vLLM's own language model.

The weight names are those of the Hugging Face class, so one checkpoint serves both; the face modules are the same
code, so both see the same tokens.
"""

from collections.abc import Iterable

import torch
from torch import nn
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
from vllm.config import VllmConfig
from vllm.model_executor.models.interfaces import SupportsLoRA, SupportsMultiModal, SupportsPP
from vllm.model_executor.models.module_mapping import MultiModelKeys
from vllm.model_executor.models.utils import AutoWeightsLoader, init_vllm_registered_model, maybe_prefix
from vllm.multimodal import MULTIMODAL_REGISTRY

from emollm.answer import prompt
from emollm.model.encoder import FaceEncoder, face_tokens
from emollm.model.processor import collate
from emollm_vllm.plugin.processing import FIELDS, MODALITIES, DummyFaces, FaceInfo, FaceProcessor


@MULTIMODAL_REGISTRY.register_processor(FaceProcessor, info=FaceInfo, dummy_inputs=DummyFaces)
class EmoLLM(nn.Module, SupportsMultiModal, SupportsLoRA, SupportsPP):
    # vLLM fuses these projections of the language model; LoRA adapters name them one by one.
    packed_modules_mapping = {"qkv_proj": ["q_proj", "k_proj", "v_proj"], "gate_up_proj": ["gate_proj", "up_proj"]}

    @classmethod
    def get_placeholder_str(cls, modality: str, i: int) -> str | None:
        return prompt.FACE

    def __init__(self, *, vllm_config: VllmConfig, prefix: str = ""):
        super().__init__()
        self.config = config = vllm_config.model_config.hf_config
        self.configure_mm_token_handling(config.text_config.vocab_size, [config.face_token_id])
        with self._mark_tower_model(vllm_config, set(MODALITIES)):
            self.face = FaceEncoder(config).eval()
        architecture = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES[config.text_config.model_type]
        with self._mark_language_model(vllm_config):
            self.language_model = init_vllm_registered_model(
                vllm_config, hf_config=config.text_config, prefix=maybe_prefix(prefix, "language_model"),
                architectures=[architecture])
        self.make_empty_intermediate_tensors = self.language_model.make_empty_intermediate_tensors

    def embed_multimodal(self, **kwargs: object) -> list[torch.Tensor]:
        """Face tokens of every picture and clip of a step, [n_i, D] each."""
        faces = []
        for modality in MODALITIES:
            columns = {f: kwargs[f"{modality}_{f}"] for f in FIELDS if f"{modality}_{f}" in kwargs}
            count = len(next(iter(columns.values()), ()))
            faces += [{f: column[k] for f, column in columns.items() if f != "chips" or len(column[k])}
                      for k in range(count)]
        if not faces:
            return []
        batch = collate(faces)
        if "chips" in batch:
            batch["chips"] = batch["chips"].to(next(self.face.tower.parameters()).dtype)
        return face_tokens(self.face, batch)

    def forward(self, input_ids, positions, intermediate_tensors=None, inputs_embeds=None, **kwargs):
        return self.language_model.model(input_ids, positions, intermediate_tensors, inputs_embeds=inputs_embeds)

    def compute_logits(self, hidden_states: torch.Tensor) -> torch.Tensor | None:
        return self.language_model.compute_logits(hidden_states)

    def load_weights(self, weights: Iterable[tuple[str, torch.Tensor]]) -> set[str]:
        return AutoWeightsLoader(self).load_weights(weights)

    def get_mm_mapping(self) -> MultiModelKeys:
        """Which part is what, for LoRA: adapters go on the language model."""
        return MultiModelKeys.from_string_field(
            language_model="language_model", connector=["face.visual_projector", "face.au_projector"],
            tower_model=["face.tower", "face.au_encoder"])
