"""bf16 where the processor has units for it, fp32 elsewhere."""

import torch


def bf16_pays(device: str | None = None) -> bool:
    """Whether a device multiplies bf16 as fast as fp32 or faster. device: a torch device type; None: the GPU if there is one.

    A CPU without units of its own for bf16 converts every number back and forth, and is several times slower (docs/talker.md,
    docs/tower.md).
    """
    if (device or ("cuda" if torch.cuda.is_available() else "cpu")) != "cpu":
        return True
    units = torch.cpu.get_capabilities()
    return any(units.get(name) for name in ("amx_bf16", "avx512_bf16", "bf16"))  # the last one: of ARM


def weights_for(device: str | None = None) -> torch.dtype:
    """The type in which a language model stored in bf16 is run there."""
    return torch.bfloat16 if bf16_pays(device) else torch.float32
