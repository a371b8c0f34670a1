"""EmoLLM as a Hugging Face model: face tokens replace placeholders, any causal language model reads on."""

import torch
from torch import nn
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoProcessor, GenerationMixin, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast

from emollm.model.config import EmoLLMConfig
from emollm.model.encoder import FaceEncoder, face_tokens
from emollm.model.processor import FACE_KEYS, EmoLLMProcessor


class EmoLLM(PreTrainedModel, GenerationMixin):
    config_class = EmoLLMConfig
    base_model_prefix = ""
    main_input_name = "input_ids"
    _tied_weights_keys = {"language_model.lm_head.weight": "language_model.model.embed_tokens.weight"}
    _supports_sdpa = True
    supports_gradient_checkpointing = True

    def __init__(self, config: EmoLLMConfig):
        super().__init__(config)
        self.face = FaceEncoder(config)
        self.language_model = AutoModelForCausalLM.from_config(config.text_config)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Modules are born initialised (torch, timm and transformers each know their own); nothing to redo."""

    def get_input_embeddings(self) -> nn.Module:
        return self.language_model.get_input_embeddings()

    def get_output_embeddings(self) -> nn.Module:
        return self.language_model.get_output_embeddings()

    def embed(self, input_ids: torch.Tensor, face: dict) -> torch.Tensor:
        """Token embeddings with every placeholder replaced. input_ids [B, L] -> [B, L, D].

        Raises ValueError when placeholders and face tokens do not match in number.
        """
        embeddings = self.get_input_embeddings()(input_ids)
        tokens = torch.cat(face_tokens(self.face, face)).to(embeddings.dtype)  # [n, D]
        here = input_ids == self.config.face_token_id
        if int(here.sum()) != len(tokens):
            raise ValueError(f"{int(here.sum())} face placeholders for {len(tokens)} face tokens: "
                             "the prompt was cut or rendered with another configuration")
        return embeddings.masked_scatter(here[..., None], tokens)

    def hidden_states(self, input_ids, attention_mask, **face) -> torch.Tensor:
        """Last hidden states [B, L, D], for a loss that needs the output layer at few positions only."""
        embeddings = self.embed(input_ids, face)
        return self.language_model.model(inputs_embeds=embeddings, attention_mask=attention_mask).last_hidden_state

    def forward(self, input_ids=None, attention_mask=None, position_ids=None, past_key_values=None,
                inputs_embeds=None, labels=None, chips=None, visual_features=None, frame_counts=None,
                frame_times=None, au=None, au_times=None, au_frames=None, au_peaks=None, au_measured=None,
                **kwargs) -> CausalLMOutputWithPast:
        """input_ids, attention_mask, labels [B, L]; face arrays as `processor.encode` returns them, or none of them
        (later steps of generation, text alone)."""
        if inputs_embeds is None and au is None:
            inputs_embeds = self.get_input_embeddings()(input_ids)
        elif inputs_embeds is None:
            values = (chips, visual_features, frame_counts, frame_times, au, au_times, au_frames, au_peaks, au_measured)
            inputs_embeds = self.embed(input_ids, dict(zip(FACE_KEYS, values, strict=True)))
        return self.language_model(inputs_embeds=inputs_embeds, attention_mask=attention_mask,
                                   position_ids=position_ids, past_key_values=past_key_values, labels=labels, **kwargs)

    def prepare_inputs_for_generation(self, input_ids, attention_mask=None, past_key_values=None, inputs_embeds=None,
                                      is_first_iteration=False, **kwargs):
        face = {k: kwargs.pop(k) for k in FACE_KEYS if k in kwargs}
        inputs = super().prepare_inputs_for_generation(
            input_ids, attention_mask=attention_mask, past_key_values=past_key_values, inputs_embeds=inputs_embeds,
            is_first_iteration=is_first_iteration, **kwargs)
        return inputs | face if is_first_iteration else inputs


AutoConfig.register("emollm", EmoLLMConfig, exist_ok=True)
AutoModel.register(EmoLLMConfig, EmoLLM, exist_ok=True)
AutoModelForCausalLM.register(EmoLLMConfig, EmoLLM, exist_ok=True)
AutoProcessor.register(EmoLLMConfig, EmoLLMProcessor, exist_ok=True)
