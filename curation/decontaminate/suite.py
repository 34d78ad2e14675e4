"""Evaluation suites by name: `decontaminate.suite=demo` compares with the items of conf/eval/suite/demo.yaml.

So the data is compared with what will be asked, whichever files that is. A suite without items in local files is an
error: an item that nobody can read is one that nobody looks for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from conf.app import config_folder
from data.errors import ConfigError, SourceError, closest
from data.suites import data_files, load_task

NONE = "none"
STORE = "store"


def folder() -> Path:
    """Where suites are."""
    return config_folder("eval") / "suite"


def names() -> list[str]:
    """The suites that there are, by name."""
    return sorted(path.stem for path in folder().glob("*.yaml") if path.stem != NONE)


def check(name: str) -> None:
    """Raise ConfigError for a suite that does not exist."""
    if name not in names():
        raise ConfigError(
            f"decontaminate.suite={name}: no such evaluation suite",
            closest(name, names()),
            f"suites are the files of {folder()}; any other file: decontaminate.against=[FILE]",
        )


def sources(name: str) -> list[Path]:
    """What `data.suites.items` reads for the suite: its own file for the tasks in its `data`, task files for others.

    Raises ConfigError for an unknown suite, SourceError where a task's items are in no local file.
    """
    check(name)
    path = folder() / f"{name}.yaml"
    suite = load_task(path)
    data: dict[str, Any] = suite.get("data") or {}
    found = [path] if any(source != STORE for source in data.values()) else []
    tasks = _task_files(str(suite.get("folder") or ""))
    for task in suite.get("tasks") or []:
        if task in data:
            continue
        file = tasks.get(str(task))
        if file is None or not data_files(file, load_task(file)):
            raise SourceError(
                f"the suite '{name}' has the task '{task}', whose items are in no local file",
                f"name its file in {path}: data: {{{task}: FILE}}",
                "or name files yourself: decontaminate.against=[FILE]",
            )
        found.append(file)
    if not found:
        raise SourceError(
            f"the suite '{name}' has no items of its own: its tasks read the evaluated split of the store",
            f"other suites: {', '.join(other for other in names() if other != name)}",
            "or name files: decontaminate.against=[FILE]",
        )
    return found


def _task_files(name: str) -> dict[str, Path]:
    """Task name -> its file, in a folder of eval/tasks or in one of the user's own."""
    where = config_folder("eval").parents[1] / "eval" / "tasks" / name
    files = sorted(where.rglob("*.yaml")) if name and where.is_dir() else []
    return {str(load_task(file).get("task") or file.stem): file for file in files}
