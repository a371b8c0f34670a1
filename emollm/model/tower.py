"""The visual tower: any open_clip image tower, and pocket's own small convolutional trunk for 48 px grey faces.

Input [B, 3, S, S] float in [-1, 1] (grey chips repeat one channel), output a grid of patch features [B, C, h, w].
Convolution learns more than a ViT from 30k small faces. Two trunks are registered with timm so that open_clip builds
them like every other tower: `emollm_face_resnet_d` for new models, `emollm_face_resnet` for weights made before it.
"""

import torch
from timm.models import register_model
from timm.models.resnet import BasicBlock, ResNet
from torch import nn

POCKET = {"embed_dim": 256, "vision_cfg": {"timm_model_name": "emollm_face_resnet_d", "timm_pool": "avg",
                                           "timm_proj": "none", "image_size": 48}}

POCKET_CHANNELS = 256  # of the last stage


@register_model
def emollm_face_resnet_d(pretrained: bool = False, **kwargs) -> ResNet:
    """Residual trunk with pooled shortcuts (ResNet-D: He et al., CVPR 2019); 1.8M parameters.

    Only 16 channels see the full resolution, so a picture takes a third of the arithmetic of `emollm_face_resnet`
    (docs/tower.md). The last stage keeps the 6x6 grid of a 48 px chip: one cell for each visual token and to spare.
    """
    _drop_hub_settings(kwargs)
    trunk = ResNet(BasicBlock, (1, 1, 1, 1), channels=(48, 96, 192, 256), output_stride=16, stem_type="deep",
                   stem_width=24, avg_down=True, zero_init_last=False, **kwargs)
    trunk.conv1 = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True),
                                nn.Conv2d(16, 48, 3, stride=2, padding=1, bias=False))
    trunk.maxpool = nn.Identity()
    trunk.layer4[0].downsample[0] = nn.Identity()  # the grid stays, and timm's padded 2x2 mean would shift it
    trunk.default_cfg = {"pool_size": (6, 6), "input_size": (3, 48, 48)}
    return trunk


def _drop_hub_settings(kwargs: dict) -> None:
    """timm hands these to every model it creates; a trunk with no weights on the hub has no use for them."""
    for key in ("pretrained_cfg", "pretrained_cfg_overlay", "cache_dir"):
        kwargs.pop(key, None)


@register_model
def emollm_face_resnet(pretrained: bool = False, **kwargs) -> ResNet:
    """Residual trunk (He et al., CVPR 2016) with a 3x3 stride-1 stem and no first pooling; 2.8M parameters."""
    _drop_hub_settings(kwargs)
    # zero_init_last stays off: with it the loss had not moved after two epochs at this width and depth.
    trunk = ResNet(BasicBlock, (1, 2, 2, 2), channels=(32, 64, 128, 256), zero_init_last=False, **kwargs)
    trunk.conv1 = nn.Conv2d(3, trunk.conv1.out_channels, 3, stride=1, padding=1, bias=False)
    trunk.maxpool = nn.Identity()
    trunk.default_cfg = {"pool_size": (6, 6), "input_size": (3, 48, 48)}
    return trunk


def build_tower(tower_cfg: dict) -> nn.Module:
    """open_clip image tower from {"embed_dim", "vision_cfg"} or {"open_clip": NAME}; random weights.

    Raises ValueError for an open_clip name that does not exist.
    """
    import open_clip
    from open_clip.model import _build_vision_tower

    if "open_clip" in tower_cfg:
        known = open_clip.get_model_config(tower_cfg["open_clip"])
        if known is None:
            raise ValueError(f"vision tower '{tower_cfg['open_clip']}' is not an open_clip architecture; "
                             "see open_clip.list_models()")
        tower_cfg = known
    return _build_vision_tower(tower_cfg["embed_dim"], dict(tower_cfg["vision_cfg"]))


def patch_features(tower: nn.Module, chips: torch.Tensor) -> torch.Tensor:
    """Last grid of patch features. chips [B, 3, S, S] -> [B, C, h, w]."""
    grid = tower.forward_intermediates(chips, indices=1, intermediates_only=True, output_fmt="NCHW")
    return grid["image_intermediates"][-1]
