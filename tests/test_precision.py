"""Where a language model runs in bf16."""

import pytest
import torch

from emollm.model import precision


@pytest.mark.parametrize("units, pays", [({"amx_bf16": True}, True), ({"avx512_bf16": True, "amx_bf16": False}, True),
                                         ({"bf16": True}, True), ({"avx2": True, "amx_bf16": False}, False), ({}, False)])
def test_a_cpu_takes_bf16_where_it_has_units_for_it(monkeypatch, units, pays):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: units)
    assert precision.bf16_pays("cpu") == pays
    assert precision.weights_for("cpu") == (torch.bfloat16 if pays else torch.float32)
    assert precision.bf16_pays("cuda")


@pytest.mark.parametrize("there", [True, False])
def test_without_a_device_it_is_the_one_that_is_there(monkeypatch, there):
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert precision.bf16_pays() == there
