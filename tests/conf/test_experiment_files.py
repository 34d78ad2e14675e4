"""An experiment file that lies anywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from conf.experiments import named_by_file
from data.errors import ConfigError


def test_a_file_is_put_where_hydra_finds_it(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("# @package _global_\nsteps: 3\n")
    with named_by_file(["seed=1", f"experiment={file}", "steps=2"]) as words:
        folder = Path(words[0].removeprefix("--config-dir="))
        assert words[1:] == ["seed=1", "experiment=from_file", "steps=2"]
        assert (folder / "experiment" / "from_file.yaml").read_text() == file.read_text()
    assert not folder.exists()


def test_names_are_left_alone() -> None:
    words = ["experiment=demo", "experiment=a,b", "steps=2"]
    with named_by_file(words) as found:
        assert found == words


@pytest.mark.parametrize(
    ("text", "words"), [(None, "no such file"), ("steps: 3\n", r"first line reads: # @package _global_")]
)
def test_what_is_no_experiment_file(tmp_path: Path, text: str | None, words: str) -> None:
    file = tmp_path / "mine.yaml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigError, match=words), named_by_file([f"experiment={file}"]):
        pass
