from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml

from curation.dedup.config import DedupConfig, Keys, Method, bands_and_rows, found_probability
from data.errors import ConfigError


def test_the_default_gives_21_bands_of_6() -> None:
    config = DedupConfig()
    assert bands_and_rows(config.threshold, config.recall, config.num_perm) == (21, 6)
    assert math.isclose(found_probability(0.8, 21, 6), 1 - (1 - 0.8**6) ** 21)
    assert round(found_probability(0.8, 21, 6), 4) == 0.9983


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.9, 1.0])
@pytest.mark.parametrize("recall", [0.9, 0.99, 0.9999])
def test_bands_reach_the_recall_and_one_more_row_does_not(threshold: float, recall: float) -> None:
    bands, rows = bands_and_rows(threshold, recall, 256)
    assert bands * rows <= 256
    assert found_probability(threshold, bands, rows) >= recall
    if rows < 256:
        assert found_probability(threshold, 256 // (rows + 1), rows + 1) < recall


def test_a_recall_out_of_reach_names_the_keys() -> None:
    with pytest.raises(ConfigError) as caught:
        DedupConfig(threshold=0.2, num_perm=8, recall=0.999)
    assert "dedup.recall=0.999" in str(caught.value)
    assert "dedup.num_perm" in str(caught.value)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"threshold": 0.0}, "dedup.threshold=0.0"),
        ({"threshold": 1.2}, "dedup.threshold=1.2"),
        ({"ngram_words": 0}, "dedup.ngram_words=0"),
        ({"recall": 1.0}, "dedup.recall=1.0"),
        ({"store_from": 0.0}, "dedup.store_from=0.0"),
        ({"max_reported": -1}, "dedup.max_reported=-1"),
        ({"seed": -1}, "dedup.seed=-1"),
        ({"keep": "source_priority"}, "dedup.source_priority=[handbook,forum]"),
    ],
)
def test_values_out_of_range_are_quoted_as_the_command_line_spells_them(
    values: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        DedupConfig(**values)  # type: ignore[arg-type]
    assert said in str(caught.value)


def test_choices_are_configurations() -> None:
    folder = Path(__file__).parents[3] / "conf" / "curation" / "dedup"
    made = {path.stem: DedupConfig(**yaml.safe_load(path.read_text())) for path in folder.glob("*.yaml")}
    assert {name: config.method.value for name, config in made.items()} == {m.value: m.value for m in Method}


def test_keys_name_columns() -> None:
    assert DedupConfig().columns == ("prompt", "answer")
    assert DedupConfig(keys=Keys.text).columns == ("text",)
