"""What an evaluation is called, what it is about, and the command that gives it again."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

from data.records import canonical_json, digest
from data.runs import Run
from eval.config import EvalConfig

SCORING = ("sacrebleu", "rouge-score")
ASKING = ("transformers", "torch", "lm-eval")


def command(config: EvalConfig, what: str) -> str:
    """The command line that repeats this evaluation of `what` (`run=...`)."""
    return f"python -m eval {what} {_changed(config)}".strip()


def identity_of(config: EvalConfig, *of: str | None) -> str:
    """The evaluation's id: the same things measured in the same way have the same one."""
    settings = {k: v for k, v in asdict(config).items() if k not in ("store", "out", "threads", "samples")}
    settings["predictions"] = {**settings["predictions"], "path": None}
    return "eval-" + digest(canonical_json([settings, list(of), packages(config)]), hex_digits=12)


def file_digests(config: EvalConfig) -> list[str]:
    """SHA-256 of every further file that the items come from."""
    paths = [extra.path for extra in config.extra_files]
    paths += [path for path in config.suite.data.values() if path != "store"]
    return [hashlib.sha256(Path(path).expanduser().read_bytes()).hexdigest() for path in paths]


def packages(config: EvalConfig) -> dict[str, str]:
    """Versions of what computes the answers and their scores."""
    names = SCORING if config.predictions.path else (*SCORING, *ASKING)
    return {name: package_version(name) for name in names}


def subject_of(config: EvalConfig, tuned: Run, version: str) -> dict[str, str]:
    """What an evaluation of a run is about, for the report's head."""
    return {
        "run": tuned.run_id,
        "model": f"{tuned.model}, {tuned.method}",
        "weights SHA-256": tuned.weights_digest or "unknown",
        "trained on": tuned.version,
        "items from": version,
        **packages(config),
    }


def _changed(config: EvalConfig) -> str:
    """The plain keys that differ from their defaults, as the command line spells them."""
    now, before = asdict(config), asdict(EvalConfig())
    found = []
    for key, value in now.items():
        if key in ("run", "out", "store", "predictions", "extra_files", "suite"):
            continue
        if isinstance(value, dict):
            found += [f"{key}.{k}={_spelt(v)}" for k, v in value.items() if v != before[key][k]]
        elif value != before[key]:
            found.append(f"{key}={_spelt(value)}")
    if config.suite.name != "none":
        found.append(f"suite={config.suite.name}")
    if config.extra_files:
        listed = ",".join(f"{{name: {extra.name}, path: {extra.path}}}" for extra in config.extra_files)
        found.append(f"'extra_files=[{listed}]'")
    return " ".join(found)


def _spelt(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ",".join(map(str, value)) + "]"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
