"""Pocket's own tokenizer: byte-level BPE over the training answers; AU codes, labels and numbers like 4.2 whole."""

import functools
import itertools
from collections.abc import Iterable

from transformers import PreTrainedTokenizerFast

from emollm.answer.prompt import CONCLUSION, FACE, SPECIAL_TOKENS, TURN_END, TURN_START
from emollm.schema import AU_NAMES, LABELS, InputError

# A strength or time to a tenth is one token: the model then reads it off the evidence in one step. Digit by digit it learnt
# the level word and guessed the number from that (docs/decisions.md). Other digits stand alone.
PIECES = r" ?\d\.\d|\d|\n| ?\p{L}+| ?[^\s\p{L}\p{N}]+|[^\S\n]+"
OFTEN = 1000  # times that each label is shown to the tokenizer beside the texts
ANSWER_TAIL = 16  # tokens of an answer's end that hold "\nConclusion:" in any tokenizer
# One user message may hold text parts and faces; the faces stand first, as in training, wherever they were sent. Text cannot
# smuggle in special tokens.
CHAT_TEMPLATE = (
    "{% for m in messages %}" + TURN_START + "{{ m.role }}\n"
    "{% if m.content is string %}{{ m.content | replace('" + FACE + "', '') }}"
    "{% else %}{% for p in m.content %}{% if p.type != 'text' %}" + FACE + "{% endif %}{% endfor %}"
    "{% for p in m.content %}{% if p.type == 'text' %}{{ p.text | replace('" + FACE + "', '') }}{% endif %}{% endfor %}"
    "{% endif %}" + TURN_END + "\n{% endfor %}"
    "{% if add_generation_prompt %}" + TURN_START + "assistant\n{% endif %}"
)


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """Train on `texts`; `vocabulary` is the size in tokens, special ones included.

    Raises InputError when a label does not become one token: the label distribution needs that.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PIECES), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=vocabulary - len(AU_NAMES), special_tokens=list(SPECIAL_TOKENS),
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    labels = (f" {label}" for label in LABELS for _ in range(OFTEN))  # whole tokens, however few texts there are
    tokenizer.train_from_iterator(itertools.chain(texts, labels), trainer)
    tokenizer.add_tokens([AddedToken(name, normalized=False) for name in AU_NAMES])
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=TURN_END, eos_token=TURN_END,
                                      chat_template=CHAT_TEMPLATE, clean_up_tokenization_spaces=False)
    label_tokens(wrapped)
    return wrapped


def label_tokens(tokenizer) -> list[int]:
    """First token of each label after "Conclusion:", in the order of LABELS.

    Raises InputError when two labels begin alike in this tokenizer, since then one position cannot tell them apart.
    """
    first = [tokenizer(f" {label}", add_special_tokens=False)["input_ids"][0] for label in LABELS]
    if len(set(first)) < len(LABELS):
        raise InputError(f"this tokenizer begins two labels with the same token {first}: choose another language model")
    return first


def is_label_next(tokenizer, ids: list[int]) -> bool:
    """Whether the next token of an answer names its label. ids: the answer so far, or at least its last ANSWER_TAIL tokens."""
    return (bool(ids) and ids[-1] in _colons(tokenizer)
            and f"\n{tokenizer.decode(ids[-ANSWER_TAIL:])}".endswith(f"\n{CONCLUSION}"))


@functools.lru_cache(maxsize=4)
def _colons(tokenizer) -> frozenset[int]:
    """Tokens that can end "Conclusion:"; to look no closer at all the others."""
    return frozenset(i for text, ids in token_texts(tokenizer).items() if text.endswith(CONCLUSION[-1]) for i in ids)


def label_position(tokenizer, ids: list[int]) -> int | None:
    """Where in the answer's tokens its conclusion names the label; None when it never does."""
    labels = label_tokens(tokenizer)
    return next((k for k, i in enumerate(ids) if i in labels and is_label_next(tokenizer, ids[:k])), None)


@functools.lru_cache(maxsize=4)
def token_texts(tokenizer) -> dict[str, list[int]]:
    """Ids by the text they write, special tokens left out."""
    texts: dict[str, list[int]] = {}
    special = set(tokenizer.all_special_ids) | {tokenizer.convert_tokens_to_ids(t) for t in SPECIAL_TOKENS}
    for i in set(range(len(tokenizer))) - special:
        texts.setdefault(tokenizer.decode([i]), []).append(i)
    return texts
