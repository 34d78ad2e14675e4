"""Every command that the README shows is one that exists: its keys, choices and targets are real."""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from conf.app import compose
from curation.desk.config import DeskCommand
from curation.desk.verbs import overrides
from data.__main__ import parser

ROOT = Path(__file__).parent.parent
SCHEMAS = {
    "curation": ("curation.config", "CurationConfig"),
    "audit": ("audit.config", "AuditConfig"),
    "train": ("train.config", "TrainConfig"),
    "eval": ("eval.config", "EvalConfig"),
}


def commands() -> list[list[str]]:
    """The command lines in the README's code blocks, without comments, split as a shell would."""
    blocks = re.findall(r"```\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def test_there_are_commands() -> None:
    assert len(commands()) > 25


@pytest.mark.parametrize("words", commands(), ids=lambda words: " ".join(words)[:60])
def test_a_command_exists(words: list[str]) -> None:
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    elif words[0] == "pip":
        files = [word for word in words if word.endswith(".txt")]
        assert files
        assert all((ROOT / name).is_file() for name in files)
    else:
        assert words[:2] == ["python", "-m"], words
        command, arguments = words[2], words[3:]
        if command == "data":
            assert parser().parse_args(arguments).command == arguments[0]
        elif command == "curation.desk":
            assert compose("desk", DeskCommand, overrides(arguments)).verb == arguments[0]
        else:
            module, name = SCHEMAS[command]
            assert compose(command, getattr(import_module(module), name), arguments)


def test_the_choices_of_the_stage_table_exist() -> None:
    """The stage table quotes overrides in backticks: they compose too."""
    from curation.config import CurationConfig

    table = [line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("| `")]
    quoted = [cell for line in table for cell in re.findall(r"`([^`]+=[^`]+)`", line.rsplit("|", 2)[1])]
    assert len(quoted) >= 8
    for quotes in quoted:
        assert compose("curation", CurationConfig, shlex.split(quotes))
