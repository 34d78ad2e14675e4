"""`experiment=FILE.yaml`: an experiment file that lies anywhere, such as the winner of a search."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from data.errors import ConfigError

_KEY = "experiment="


@contextmanager
def named_by_file(words: Sequence[str]) -> Iterator[list[str]]:
    """The command line with a file after `experiment=` replaced by a name, and the folder to find it in.

    Raises ConfigError where the file does not exist or is no experiment.
    """
    with TemporaryDirectory() as folder:
        out: list[str] = []
        for word in words:
            name = word.removeprefix(_KEY).strip("'\"")
            if not word.startswith(_KEY) or not name.endswith((".yaml", ".yml")) or "," in name:
                out.append(word)
                continue
            file = Path(name).expanduser()
            if not file.is_file():
                raise ConfigError(
                    f"experiment={name}: no such file", "--help lists the experiments that are there"
                )
            if (
                "@package _global_"
                not in file.read_text(encoding="utf-8", errors="replace").partition("\n")[0]
            ):
                raise ConfigError(
                    f"experiment={name} is no experiment file", "its first line reads: # @package _global_"
                )
            target = Path(folder) / "experiment" / "from_file.yaml"
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(file, target)
            # argparse takes no option between the overrides.
            out = [f"--config-dir={folder}", *out, f"{_KEY}from_file"]
        yield out
