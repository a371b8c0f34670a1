"""emollm served by vLLM: an out-of-tree plugin, no fork, no patch. Versions and parity: serve/COMPAT.md.

    model.py       the vLLM model class around emollm's own face modules
    processing.py  faces to placeholders and tensors, cached by content
    media.py       what a request may send: fetched, checked, measured in child processes
    engine.py      vLLM in this process, behind emollm.engine.Engine
    api.py         /v1/measure and /v1/explain
    gate.py        limits, keys and error bodies in front of every route (admission.py, errors.py, places.py)
    launch.py      `emollm serve`: command line; supervise.py keeps child.py, which is vLLM, alive
"""


def register() -> None:
    """Entry point of vllm.general_plugins: runs in every vLLM process, so it must be cheap and may run twice."""
    from transformers import AutoConfig
    from vllm import ModelRegistry

    from emollm.config import EmoLLMConfig

    AutoConfig.register("emollm", EmoLLMConfig, exist_ok=True)
    if "EmoLLM" not in ModelRegistry.get_supported_archs():
        ModelRegistry.register_model("EmoLLM", "emollm_vllm.model:EmoLLM")
    import emollm_vllm.media  # noqa: F401 (its decorator registers the media connector)
