"""From measured faces and questions to model input: the one place where input is prepared.

Training, local generation, evaluation and serving all call `EmoLLMProcessor.encode`. Contract: a prompt is
`prompt.user_turn(question)` with FACE replaced by <|face_start|>, one <|face_pad|> per face token, <|face_end|>;
supervised ids are the answer and its <|im_end|>, nothing else. Chips are normalised as the config says.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from transformers import BatchFeature, PreTrainedTokenizerBase, ProcessorMixin

from emollm.answer import prompt
from emollm.answer.witnesses import Movements, movements
from emollm.model.config import EmoLLMConfig, face_token_count
from emollm.model.peaks import Peaks
from emollm.model.tokenizer import label_position
from emollm.perception.events import peaks, side_and_strength
from emollm.schema import AU_NAMES, DEFAULT_PRIOR, AUEvent, AUSeries, InputError

FACE_KEYS = ("chips", "visual_features", "frame_counts", "frame_times", "au", "au_times", "au_frames", "au_peaks",
             "au_measured")
IGNORE = -100


@dataclass
class FaceInput:
    """What the model is given of one face. K key frames; no chips when only action units are known."""

    au: np.ndarray  # [K, 24, 3] left, right, confidence at the key frames; 0 where not visible
    times: np.ndarray  # [K] s
    peaks: np.ndarray  # [24, 6], model.peaks.Peaks
    measured: np.ndarray  # [24] bool
    chips: np.ndarray | None = None  # [K, S, S, 3] uint8
    visual_features: np.ndarray | None = None  # [K, V, C], cached tower output instead of chips
    movements: Movements | None = None  # what the units are read as; None: the label is the model's own

    @property
    def visual_frames(self) -> int:
        pixels = self.visual_features if self.chips is None else self.chips
        return 0 if pixels is None else len(pixels)


def face_input(series: AUSeries, events: list[AUEvent], key_frames: list[int], chips: np.ndarray | None = None,
               seen: AUSeries | None = None, prior: str = DEFAULT_PRIOR) -> FaceInput:
    """Model input of one face from its series, its events and the positions of its key frames in the series.

    seen: what was measured in the pixels where `series` was edited or given from elsewhere. prior: of schema.PRIORS.
    """
    left, right, visible = peaks(series)
    side, strength = side_and_strength(left, right)
    intervals = [prompt.event_interval(au, events, series) or (0.0, 0.0) for au in AU_NAMES]
    onset, offset = np.round(intervals, 1).T
    packed = Peaks(left, right, strength.round(1), side, onset, offset).pack()
    values = np.where(np.isnan(series.intensity), series.intensity[:, :, ::-1], series.intensity)[key_frames]
    au = np.concatenate([np.nan_to_num(values), series.confidence[key_frames][..., None]], 2).astype(np.float32)
    return FaceInput(au, np.asarray(series.times, np.float32)[key_frames], packed, visible, chips,
                     movements=movements(series, seen, chips is not None, prior))


class EmoLLMProcessor(ProcessorMixin):
    """Tokenizer plus the shape of a face prompt; saved beside the model."""

    attributes = ["tokenizer"]
    tokenizer_class = "AutoTokenizer"

    def __init__(self, tokenizer=None, visual_tokens=EmoLLMConfig.visual_tokens,
                 chip_size=EmoLLMConfig.chip_size, chip_grey=EmoLLMConfig.chip_grey, chip_mean=EmoLLMConfig.chip_mean,
                 chip_std=EmoLLMConfig.chip_std,
                 **kwargs):
        self.visual_tokens, self.chip_size, self.chip_grey = visual_tokens, chip_size, chip_grey
        self.chip_mean, self.chip_std = chip_mean, chip_std
        super().__init__(tokenizer, **kwargs)

    def check_argument_for_proper_class(self, argument_name: str, argument: object) -> type:
        """As transformers', which imports mistral_common to see whether a tokenizer is one of its own: .6 s of a cold start."""
        if not isinstance(argument, PreTrainedTokenizerBase):
            raise TypeError(f"{argument_name} is a {type(argument).__name__}; a tokenizer of transformers is expected")
        return PreTrainedTokenizerBase

    def prompt_text(self, question: str | list[str], key_frames: int) -> str:
        """The prompt with its face placeholders expanded."""
        face = prompt.FACE_START + prompt.FACE_PAD * face_token_count(self.visual_tokens, key_frames) + prompt.FACE_END
        return prompt.user_turn(question).replace(prompt.FACE, face)

    def normalise(self, chips: np.ndarray) -> torch.Tensor:
        """uint8 chips [F, S, S, 3] -> float [F, 3, S, S]. Grey is ITU-R BT.601 luma, rounded as Pillow's "L"."""
        if chips.shape[1:] != (self.chip_size, self.chip_size, 3):
            raise InputError(f"chips have shape {chips.shape}, this model takes "
                             f"[F, {self.chip_size}, {self.chip_size}, 3]")
        x = torch.from_numpy(np.ascontiguousarray(chips)).float().permute(0, 3, 1, 2)
        if self.chip_grey:
            luma = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
            x = (x * luma).sum(1, keepdim=True).round().expand(-1, 3, -1, -1)
        mean, std = (torch.tensor(v).reshape(-1, 1, 1) for v in (self.chip_mean, self.chip_std))
        return (x / 255 - mean) / std

    def encode(self, faces: list[FaceInput], questions: list[str | list[str]],
               answers: list[str] | None = None) -> BatchFeature:
        """Tensors for one batch, one face per prompt; a question may be the turns of a chat (prompt.user_turn).

        With `answers`: right-padded and with labels, for training. Without: left-padded, for generation.
        Returns input_ids and attention_mask [B, L], the face arrays of encoder.face_tokens and, with answers, labels
        [B, L] and label_at [B]: where in the row the conclusion names its label, 0 when it names none.
        """
        prompts = [self._ids(self.prompt_text(q, f.visual_frames)) for f, q in zip(faces, questions, strict=True)]
        targets = [[] for _ in prompts] if answers is None else [self._ids(a + prompt.TURN_END) for a in answers]
        rows = [p + t for p, t in zip(prompts, targets, strict=True)]
        length = max(map(len, rows))
        pads = [length - len(r) for r in rows]
        left = answers is None
        ids = [self._pad_row(r, n, self.tokenizer.pad_token_id, left) for r, n in zip(rows, pads, strict=True)]
        mask = [self._pad_row([1] * len(r), n, 0, left) for r, n in zip(rows, pads, strict=True)]
        batch = {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}
        if answers is not None:
            labels = [[IGNORE] * len(p) + t + [IGNORE] * n for p, t, n in zip(prompts, targets, pads, strict=True)]
            batch["labels"] = torch.tensor(labels)
            places = [(p, label_position(self.tokenizer, t)) for p, t in zip(prompts, targets, strict=True)]
            batch["label_at"] = torch.tensor([0 if at is None else len(p) + at for p, at in places])
        return BatchFeature(batch | collate([self.face_arrays(f) for f in faces]))

    def face_arrays(self, face: FaceInput) -> dict[str, torch.Tensor]:
        """One face as collate takes it."""
        arrays = {"au": face.au, "times": face.times, "peaks": face.peaks}
        tensors = {k: torch.from_numpy(np.asarray(v, np.float32)) for k, v in arrays.items()}
        tensors["measured"] = torch.from_numpy(np.asarray(face.measured, bool))
        if face.visual_features is not None:
            tensors["visual_features"] = torch.from_numpy(np.asarray(face.visual_features)).float()
        elif face.chips is not None:
            tensors["chips"] = self.normalise(face.chips)
        return tensors

    def _ids(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    @staticmethod
    def _pad_row(row: list[int], count: int, value: int, left: bool) -> list[int]:
        return [value] * count + row if left else row + [value] * count


def collate(faces: list[dict]) -> dict[str, torch.Tensor]:
    """One batch of single faces, as encoder.face_tokens takes it: action units padded to the longest face.

    Each face: au [K, 24, 3], times [K], peaks [24, 6], measured [24], and chips [K, 3, S, S] or visual_features
    [K, V, C] or neither. Training, local generation and vLLM all come through here.
    """
    longest = max(len(f["times"]) for f in faces)

    def pad(x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.pad(x, [0, 0] * (x.ndim - 1) + [0, longest - len(x)])

    visual = next((k for k in ("visual_features", "chips") if any(k in f for f in faces)), None)
    seen = [f for f in faces if visual in f]
    batch = {
        "au": torch.stack([pad(f["au"]) for f in faces]),
        "au_times": torch.stack([pad(f["times"]) for f in faces]),
        "au_frames": torch.stack([pad(torch.ones_like(f["times"], dtype=torch.bool)) for f in faces]),
        "au_peaks": torch.stack([f["peaks"] for f in faces]),
        "au_measured": torch.stack([f["measured"] for f in faces]),
        "frame_counts": torch.tensor([len(f[visual]) if visual in f else 0 for f in faces]),
        "frame_times": torch.cat([f["times"] for f in seen]) if seen else faces[0]["times"][:0],
    }
    return batch | ({visual: torch.cat([f[visual] for f in seen])} if seen else {})
