"""From chips and action units to tokens for the language model. Plain torch, shared by every engine.

B faces, F key frames of all faces in a row, K key frames of the longest face, D language model width, H au_hidden.
"""

import math

import torch
from torch import nn
from torch.nn import functional

from emollm.model.peaks import Peaks
from emollm.model.tower import build_tower, patch_features
from emollm.schema import AU_NAMES, LABELS

AUS = len(AU_NAMES)


class ScalarEmbedding(nn.Module):
    """Learned curve of a number: rows of a table at fixed knots, linear in between, constant outside.

    The table is born smooth (random mixtures of slow waves over the knots): from unrelated random rows the language model
    learnt whether a unit is there, but not how strong it is, in 1,000 steps.
    """

    def __init__(self, knots: list[float], width: int):
        super().__init__()
        place = torch.linspace(0, 1, len(knots))[:, None]
        waves = torch.cat([2 * place - 1, *(f(math.pi * k * place) for k in range(1, 17) for f in (torch.sin, torch.cos))], 1)
        self.table = nn.Embedding.from_pretrained(waves @ torch.randn(waves.shape[1], width) / 4, freeze=False)
        self.knots = knots

    def forward(self, value: torch.Tensor) -> torch.Tensor:  # [...] -> [..., width]
        knots = torch.tensor(self.knots, dtype=torch.float32, device=value.device)
        value = value.float().clamp(self.knots[0], self.knots[-1])
        upper = torch.searchsorted(knots, value.contiguous()).clamp(1, len(self.knots) - 1)
        share = (value - knots[upper - 1]) / (knots[upper] - knots[upper - 1])
        share = share[..., None].to(self.table.weight.dtype)
        return self.table(upper - 1) * (1 - share) + self.table(upper) * share


INTENSITY_KNOTS = [k / 10 for k in range(51)]
# Tenths of a second to 10 s, seconds to a minute, then half minutes to an hour: as finely as the answer states times.
TIME_KNOTS = [k / 10 for k in range(101)] + list(range(11, 61)) + list(range(90, 3601, 30))


class AUEncoder(nn.Module):
    """One token per action unit. What is not measured gets a trained mask token, so it is not mistaken for absent.

    The relation layer's edges are computed per face from its nodes, on top of a learned prior: the idea of
    ME-GraphAU (Luo et al., IJCAI 2022), here as one attention layer with an additive edge bias.
    """

    def __init__(self, width: int):
        super().__init__()
        self.node = nn.Parameter(torch.randn(AUS, width) * 0.5)
        self.mask_token = nn.Parameter(torch.randn(width) * 0.5)
        self.left, self.right, self.strength = (ScalarEmbedding(INTENSITY_KNOTS, width) for _ in range(3))
        self.side = nn.Embedding(3, width)
        self.onset, self.offset, self.time = (ScalarEmbedding(TIME_KNOTS, width) for _ in range(3))
        self.confidence, self.delta = nn.Linear(1, width), nn.Linear(1, width, bias=False)
        self.moment_score = nn.Linear(width, 1)
        self.mix = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.relation_norm = nn.LayerNorm(width)
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.edge_prior = nn.Parameter(torch.zeros(AUS, AUS))
        self.out = nn.Linear(width, width)

    def moments(self, au, times, frames):
        """Temporal attention pool. au [B, K, 24, 3] left, right, confidence; times, frames [B, K] -> [B, 24, H]."""
        left, right, confidence = au.unbind(-1)
        mean = (left + right) / 2
        delta = (mean - mean[:, :1])[..., None].to(self.delta.weight.dtype)
        x = self.left(left) + self.right(right) + self.time(times)[:, :, None] + self.delta(delta)
        x = x + self.confidence(confidence[..., None].to(x.dtype))  # [B, K, 24, H]
        score = self.moment_score(functional.gelu(x)).masked_fill(~frames[:, :, None, None], -1e4)
        return (score.softmax(1) * x).sum(1)

    def forward(self, au, times, frames, peaks, measured):
        """au [B, K, 24, 3], times [B, K] s, frames [B, K] bool, peaks [B, 24, 6], measured [B, 24] bool -> [B, 24, H]."""
        peak = Peaks.unpack(peaks)
        x = self.left(peak.left) + self.right(peak.right) + self.strength(peak.strength)
        x = x + self.side(peak.side.round().long().clamp(0, 2))
        x = x + self.onset(peak.onset) + self.offset(peak.offset) + self.moments(au, times, frames)
        x = torch.where(measured[..., None], x, self.mask_token) + self.node  # [B, 24, H]
        x = x + self.mix(x)
        y = self.relation_norm(x)
        edges = self.query(y) @ self.key(y).transpose(1, 2) * y.shape[-1] ** -0.5 + self.edge_prior  # [B, 24, 24]
        return x + self.out(edges.softmax(-1) @ self.value(y))


def projector(width_in: int, width_out: int) -> nn.Sequential:
    """Two-layer MLP into the language model's width (LLaVA-1.5, Liu et al. 2024)."""
    return nn.Sequential(nn.LayerNorm(width_in), nn.Linear(width_in, width_out), nn.GELU(),
                         nn.Linear(width_out, width_out))


class FaceEncoder(nn.Module):
    """Tower, what it reads by itself (the look), action-unit encoder, and the projectors of all three.

    The look is a distribution over the labels, linear in the tower's mean feature; it is added to the visual tokens of its
    key frame, so that the language model need not learn to classify from faces that the tower knows by heart
    (docs/decisions.md). A tower without a fitted look has zeros there: all labels alike.
    """

    def __init__(self, config):
        super().__init__()
        self.grid_side = config.grid_side
        self.tower = build_tower(config.tower)
        channels, width = config.tower_channels, config.text_config.hidden_size
        self.position = nn.Parameter(torch.randn(config.visual_tokens, channels) * 0.02)
        self.frame_time = ScalarEmbedding(TIME_KNOTS, channels)
        self.visual_projector = projector(channels, width)
        self.look_head, self.look_projector = nn.Linear(channels, len(LABELS)), nn.Linear(len(LABELS), width, bias=False)
        for parameter in (*self.look_head.parameters(), *self.look_projector.parameters()):
            nn.init.zeros_(parameter)
        self.au_encoder = AUEncoder(config.au_hidden)
        self.au_projector = projector(config.au_hidden, width)

    def visual_features(self, chips: torch.Tensor) -> torch.Tensor:
        """Tower features pooled to a grid, of a face and its mirror image. chips [F, 3, S, S] -> [F, visual_tokens, C].

        The mean of both is worth half a point (docs/tower.md); which side moves is for the action units to say.
        """
        grid = (patch_features(self.tower, chips) + patch_features(self.tower, chips.flip(-1)).flip(-1)) / 2  # [F, C, h, w]
        pooled = functional.adaptive_avg_pool2d(grid.float(), self.grid_side).to(grid.dtype)
        return pooled.flatten(2).transpose(1, 2)

    def look(self, features: torch.Tensor) -> torch.Tensor:
        """What the tower reads by itself. features [F, V, C] -> log-probabilities [F, 8] in the order of LABELS."""
        return self.look_head(features.mean(1)).float().log_softmax(-1)

    def visual_tokens(self, features: torch.Tensor, frame_times: torch.Tensor) -> torch.Tensor:
        """features [F, V, C], frame_times [F] s -> [F, V, D]."""
        seen = self.visual_projector(features + self.position + self.frame_time(frame_times)[:, None])
        return seen + self.look_projector(self.look(features).to(seen.dtype))[:, None]

    def au_tokens(self, au, times, frames, peaks, measured) -> torch.Tensor:
        """-> [B, 24, D]; arguments as AUEncoder.forward."""
        return self.au_projector(self.au_encoder(au, times, frames, peaks, measured))


def face_tokens(encoder: FaceEncoder, face: dict) -> list[torch.Tensor]:
    """Tokens of every face, [n_i, D] each: its key frames in time order, then its 24 action units.

    face: chips [F, 3, S, S] or visual_features [F, V, C] (a frozen tower's cached output), frame_counts [B],
    frame_times [F], and au, au_times, au_frames, au_peaks, au_measured as AUEncoder.forward takes them.
    """
    aus = encoder.au_tokens(face["au"], face["au_times"], face["au_frames"], face["au_peaks"], face["au_measured"])
    counts = face["frame_counts"].tolist()
    if not sum(counts):
        return list(aus)
    features = face.get("visual_features")  # [F, V, C]
    if features is None:
        features = encoder.visual_features(face["chips"])
    visual = encoder.visual_tokens(features, face["frame_times"]).split(counts)
    return [torch.cat([v.flatten(0, 1), a]) for v, a in zip(visual, aus, strict=True)]
