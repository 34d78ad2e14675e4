"""Every wrong value is refused by the key that the command line spells."""

from __future__ import annotations

import subprocess
import sys

import pytest

from conf.app import compose
from data.errors import ConfigError
from eval.config import EvalConfig


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("metrics=[bleu,rogue_l]", "no such metric 'rogue_l'"),
        ("metrics=[]", r"metrics=\[\] measures nothing"),
        ("split=tests", "split=tests is not a split"),
        ("limit=0", "limit=0 is below 1"),
        ("bootstrap.resamples=10", "bootstrap.resamples=10 is outside 200 to 100000"),
        ("bootstrap.level=95", "bootstrap.level=95.0 is outside 0.5 to 0.999"),
        ("generation.temperature=-1", "generation.temperature=-1.0 is outside 0 to 2"),
        ("extra_files=[{name: A b, path: x}]", "extra_files name 'A b'"),
        ("extra_files=[{name: test, path: x}]", "two slices are named 'test'"),
    ],
)
def test_a_wrong_value_names_its_key(override: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        compose("eval", EvalConfig, [override])


def test_a_mistyped_metric_is_guessed() -> None:
    with pytest.raises(ConfigError) as raised:
        compose("eval", EvalConfig, ["metrics=[rogue_l]"])
    assert "did you mean 'rouge_l'?" in raised.value.hints[0]


def test_the_configuration_imports_nothing_heavy() -> None:
    heavy = ("torch", "transformers", "lm_eval", "altair", "sacrebleu", "rouge_score", "sklearn")
    code = f"import eval.__main__, sys; print(*(name for name in {heavy} if name in sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""
