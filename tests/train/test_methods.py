"""Which weights get an adapter."""

from __future__ import annotations

from typing import Any

import pytest

from data.errors import ConfigError
from train.load import load_base
from train.methods import MethodConfig, adapter_config, linear_layers


@pytest.fixture
def model(trained: Any) -> Any:
    return load_base(trained.run)[0]


def test_linear_layers_leave_out_the_head(model: Any) -> None:
    assert linear_layers(model) == [
        "down_proj",
        "gate_proj",
        "k_proj",
        "o_proj",
        "q_proj",
        "up_proj",
        "v_proj",
    ]


def test_a_layer_that_does_not_exist_is_named(model: Any) -> None:
    with pytest.raises(ConfigError, match="no linear layer 'q_prj'") as caught:
        adapter_config(MethodConfig(target_modules=["q_prj"]), model)
    assert "did you mean 'q_proj'" in str(caught.value)


def test_lora_passes_its_settings_on(model: Any) -> None:
    config = adapter_config(MethodConfig(r=3, alpha=7, dropout=0.2, target_modules=["q_proj"]), model)
    assert (config.r, config.lora_alpha, config.lora_dropout, config.target_modules) == (
        3,
        7,
        0.2,
        {"q_proj"},
    )


def test_full_training_has_no_adapter(model: Any) -> None:
    assert adapter_config(MethodConfig(name="full"), model) is None


def test_an_unknown_method() -> None:
    with pytest.raises(ConfigError, match=r"method\.name=lorra"):
        MethodConfig(name="lorra")
