from __future__ import annotations

from typing import Any

import pytest

from curation.quality import FAMILIES, QualityConfig
from data.errors import ConfigError


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"families": {"refusals": "drop"}}, "did you mean 'refusal'"),
        ({"families": {"refusal": "delete"}}, "quality.families.refusal=delete"),
        ({"max_repeated_fraction": 1.5}, "quality.max_repeated_fraction=1.5"),
        ({"min_answer_chars": -1}, "quality.min_answer_chars=-1"),
        ({"min_prompt_chars": 20, "max_prompt_chars": 10}, "at least quality.min_prompt_chars=20"),
        ({"languages": ["english"]}, "quality.languages=english"),
    ],
)
def test_mistakes_name_the_key(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as error:
        QualityConfig(**keys)
    assert said in str(error.value)


def test_families_not_named_keep_their_default_and_a_yaml_off_is_off() -> None:
    config = QualityConfig(families={"refusal": "False"})
    assert config.families == {**FAMILIES, "refusal": "off"}
