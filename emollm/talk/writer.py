"""The talker's language model in this process: a pretrained base with our adapter merged into it, writing greedily."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path

from emollm.files import MODELS
from emollm.model.base import Base, base_of, cache_folder, make_cached_folder, sha256_of
from emollm.schema import InputError
from emollm.talk import TALKER
from emollm.talk.dialogue import DIALOGUE_VERSION, Exchange, prompt

ROWS = 32  # conversations that are written at a time where many are


def talker_folder(name: str = TALKER) -> Path:
    """Folder of a shipped adapter, or of the user's own. Raises InputError."""
    for folder in (MODELS / name, Path(name)):
        if (folder / "talker.json").is_file():
            return folder
    raise InputError(f"talker '{name}': no talker.json there; give a folder made by `emollm train configs/train_talker.yaml`")


def merge_talker(name: str = TALKER) -> Path:
    """The adapter merged into its base, made once and kept in the cache: a Hugging Face model that vLLM serves as it is.

    Raises InputError when the base is missing or not the one that the adapter was trained on.
    """
    folder = talker_folder(name)
    facts = json.loads((folder / "talker.json").read_text())
    if facts["dialogue_version"] != DIALOGUE_VERSION:
        raise InputError(
            f"talker '{name}' has dialogue version {facts['dialogue_version']}, this emollm has {DIALOGUE_VERSION}: "
            "install the matching emollm, or train it again"
        )
    base = base_of(facts["base"])
    if base.sha256 != facts["base_sha256"]:
        raise InputError(
            f"talker '{name}' was trained on {facts['base']} with SHA-256 {facts['base_sha256'][:12]}..., what is here has "
            f"{base.sha256[:12]}...: another copy of the same name. Install the one it belongs to, or train it again"
        )
    own = sha256_of([folder / "adapter_model.safetensors"])
    made = cache_folder() / f"talker-{base.sha256[:12]}-{own[:12]}"
    make_cached_folder(made, lambda empty: _merge(base, folder, empty), {"base_sha256": base.sha256, "adapter_sha256": own})
    return made


def _merge(base: Base, adapter: Path, folder: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from emollm.model.checkpoint import silence_loading

    silence_loading()
    model = AutoModelForCausalLM.from_pretrained(base.folder, dtype=torch.float32)
    PeftModel.from_pretrained(model, adapter).merge_and_unload().to(torch.bfloat16).save_pretrained(folder)
    AutoTokenizer.from_pretrained(base.folder).save_pretrained(folder)


class LocalWriter:
    """transformers in this process. What two prompts in a row begin with alike is read once: the second turn of a chat, and the
    answer after its call, read only what is new."""

    own_words = False

    def __init__(self, folder: Path | str):
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        from emollm.model.checkpoint import silence_loading
        from emollm.model.precision import weights_for

        silence_loading()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=weights_for(device)).to(device).eval()
        self.ends = {self.tokenizer.eos_token_id}
        self.read: list[int] = []  # tokens whose keys and values are in the cache
        self.cache = None

    def write(self, exchanges: list[Exchange], most: int) -> Iterator[str]:
        """As talker.Writer."""
        import torch
        from transformers import DynamicCache

        ids = self.tokenizer(prompt(self.tokenizer, exchanges), add_special_tokens=False)["input_ids"]
        same = next((k for k, (a, b) in enumerate(zip(ids, self.read, strict=False)) if a != b), min(len(ids), len(self.read)))
        same = min(same, len(ids) - 1)
        if self.cache is None or same == 0:
            self.cache, same = DynamicCache(), 0
        elif same < len(self.read):
            self.cache.crop(same - len(self.read))  # negative: so many are dropped
        self.read, new, written, sent = ids[:same], ids[same:], [], ""
        with torch.inference_mode():
            for _ in range(most):
                batch = torch.tensor([new], device=self.model.device)
                logits = self.model(input_ids=batch, past_key_values=self.cache, logits_to_keep=1).logits[0, -1]
                self.read = self.read + new
                token = int(logits.argmax())
                if token in self.ends:
                    return
                written.append(token)
                new = [token]
                whole = self.tokenizer.decode(written)
                if not whole.endswith("�"):  # the middle of a character
                    yield whole[len(sent) :]
                    sent = whole

    def write_all(self, many: list[list[Exchange]], most: int) -> list[str]:
        """What comes next in each of many conversations, ROWS at a time: the weights are read once for all of them."""
        import torch

        prompts = [prompt(self.tokenizer, exchanges) for exchanges in many]
        written = [""] * len(many)
        by_length = sorted(range(len(many)), key=lambda k: len(prompts[k]))
        for at in range(0, len(many), ROWS):
            rows = by_length[at : at + ROWS]
            batch = self.tokenizer([prompts[k] for k in rows], add_special_tokens=False, padding=True, padding_side="left",
                                   return_tensors="pt").to(self.model.device)
            with torch.inference_mode():
                ids = self.model.generate(**batch, max_new_tokens=most, do_sample=False,
                                          pad_token_id=self.tokenizer.eos_token_id)
            new = ids[:, batch["input_ids"].shape[1] :]
            for k, text in zip(rows, self.tokenizer.batch_decode(new, skip_special_tokens=True), strict=True):
                written[k] = text
        return written


@functools.lru_cache(maxsize=1)
def local_writer(name: str = TALKER) -> LocalWriter:
    return LocalWriter(merge_talker(name))
