"""emollm served by vLLM: an out-of-tree plugin, no fork, no patch. Versions and parity: serve/COMPAT.md.

    door/     in front of every route: limits, keys, admission, error bodies that name the place
    plugin/   what vLLM loads: the model class, the processor, media, grounded faces, the engine in this process
    process/  `emollm serve`: command line, supervision, the child that is vLLM
    api.py    /v1/measure and /v1/explain
"""


def register() -> None:
    """Entry point of vllm.general_plugins: runs in every vLLM process, so it must be cheap and may run twice."""
    from transformers import AutoConfig
    from vllm import ModelRegistry

    from emollm.model.config import EmoLLMConfig

    AutoConfig.register("emollm", EmoLLMConfig, exist_ok=True)
    if "EmoLLM" not in ModelRegistry.get_supported_archs():
        ModelRegistry.register_model("EmoLLM", "emollm_vllm.plugin.model:EmoLLM")
    import emollm_vllm.plugin.media  # noqa: F401 (its decorator registers the media connector)
