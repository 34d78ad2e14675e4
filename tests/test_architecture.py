"""The layout holds: names agree from the shell to SQL, packages import downwards, configurations compose."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields, is_dataclass
from importlib import import_module
from pathlib import Path

import pytest

from conf.app import compose, config_folder
from conf.messages import MODULES
from curation.config import CurationConfig
from curation.stages import STAGES

ROOT = Path(__file__).parent.parent
PACKAGES = ("audit", "conf", "curation", "data", "eval", "train")
SCHEMAS = {
    "curation": ("curation.config", "CurationConfig"),
    "desk": ("curation.desk.config", "DeskCommand"),
    "audit": ("audit.config", "AuditConfig"),
    "train": ("train.config", "TrainConfig"),
    "eval": ("eval.config", "EvalConfig"),
}
# Packages of curation that judge no record by themselves.
NOT_STAGES = {"desk": ("curation.desk.config", "DeskConfig")}
# Choices that are refused without a setting of the user's.
NOT_ALONE = {"questions=own": ["questions.ask={good: {kind: rating}}"]}


def python_files() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def test_import_contracts_hold() -> None:
    run = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("stage", STAGES.values(), ids=lambda stage: stage.name)
def test_one_word_names_a_stage_everywhere(stage) -> None:
    config = {f.name: f for f in fields(CurationConfig)}[stage.name]
    assert f"{stage.name.capitalize()}Config" in str(config.type)
    assert (config_folder("curation") / stage.name).is_dir()
    assert (ROOT / "curation" / stage.name).is_dir()
    assert (ROOT / "tests" / "curation" / stage.name).is_dir()
    assert all(reason.startswith(f"{stage.name}_") for reason in stage.reasons)
    assert all(meaning for meaning in stage.reasons.values())
    if stage.row_wise:
        module = import_module(f"curation.{stage.name}")
        assert module.COLUMNS[0] == "record_id"
        assert callable(module.judge_batch)


def test_every_package_of_curation_is_a_stage_or_said_to_be_none() -> None:
    packages = {path.parent.name for path in (ROOT / "curation").glob("*/__init__.py")}
    assert packages == {stage.name for stage in STAGES.values()} | set(NOT_STAGES)


@pytest.mark.parametrize("name", NOT_STAGES)
def test_one_word_names_what_is_no_stage(name: str) -> None:
    module, schema = NOT_STAGES[name]
    assert name in {f.name for f in fields(getattr(import_module(SCHEMAS[name][0]), SCHEMAS[name][1]))}
    assert schema == f"{name.capitalize()}Config"
    assert is_dataclass(getattr(import_module(module), schema))
    assert config_folder(name).is_dir()
    assert (ROOT / "curation" / name).is_dir()
    assert (ROOT / "tests" / "curation" / name).is_dir()


def every_choice() -> list[tuple[str, str]]:
    found = []
    for command in SCHEMAS:
        folder = config_folder(command)
        found.append((command, ""))
        for path in sorted(folder.glob("*/*.yaml")):
            if not path.read_text().startswith(("task:", "# lm-eval task")):
                found.append((command, f"{path.parent.name}={path.stem}"))
    return found


@pytest.mark.parametrize(("command", "choice"), every_choice(), ids=lambda value: value or "defaults")
def test_every_configuration_composes(command: str, choice: str) -> None:
    module, name = SCHEMAS[command]
    schema = getattr(import_module(module), name)
    overrides = [choice, *NOT_ALONE.get(choice, [])] if choice else []
    assert isinstance(compose(command, schema, overrides), schema)


def test_no_folder_without_a_subject() -> None:
    names = {path.stem for path in python_files()} | {path.parent.name for path in python_files()}
    assert not names & {"utils", "util", "common", "core", "helpers", "lib", "misc"}


def test_files_stay_small() -> None:
    long = {
        str(path.relative_to(ROOT)): n
        for path in python_files()
        if (n := len(path.read_text().splitlines())) > 400
    }
    assert not long


@pytest.mark.parametrize("command", [*SCHEMAS, "data"])
def test_help_imports_nothing_heavy(command: str) -> None:
    heavy = (
        "torch",
        "transformers",
        "spacy",
        "presidio_analyzer",
        "numba",
        "altair",
        "lm_eval",
        "fairlearn",
        "sklearn",
    )
    code = (
        "import runpy, sys\n"
        f"sys.argv = ['{command}', '--help']\n"
        "try:\n"
        f"    runpy.run_module('{MODULES.get(command, command)}', run_name='__main__')\n"
        "except SystemExit as end:\n"
        "    assert not end.code, end.code\n"
        f"loaded = sorted(set({heavy!r}) & set(sys.modules))\n"
        "assert not loaded, loaded\n"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    assert "Traceback" not in run.stderr
