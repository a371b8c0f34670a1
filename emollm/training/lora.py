"""LoRA for the language model: peft's configuration, adapters as files, and merging."""

from __future__ import annotations

from pathlib import Path

from emollm.model.emollm import EmoLLM


def lora_config(lora: dict):
    """peft's LoraConfig from the `lora` part of a training file."""
    from peft import LoraConfig

    return LoraConfig(r=lora["rank"], lora_alpha=lora["alpha"], lora_dropout=lora["dropout"], target_modules=lora["targets"])


def save_adapter(model: EmoLLM, lora: dict, folder: Path) -> None:
    """The LoRA weights in peft's own layout, named as peft names them on the whole EmoLLM (vLLM reads the same names)."""
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    lora_config(lora).save_pretrained(folder)
    state = get_peft_model_state_dict(model.language_model)
    save_file({f"base_model.model.language_model.{k}": v.contiguous() for k, v in state.items()},
              folder / "adapter_model.safetensors", {"format": "pt"})


def merge_lora(model: EmoLLM) -> None:
    """Fold LoRA into the weights it adapts and remove its layers."""
    from peft.tuners.lora import LoraLayer

    for name, module in list(model.language_model.named_modules()):
        if isinstance(module, LoraLayer):
            module.merge()
            parent, _, leaf = name.rpartition(".")
            setattr(model.language_model.get_submodule(parent), leaf, module.get_base_layer())
