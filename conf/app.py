"""Runs a command: composes its configuration, types it once, calls its task, and says a user's mistake plainly.

`main("curation", CurationConfig, run)` composes conf/curation/config.yaml with the overrides of the command line.
The exit code is what the task returns (None is 0), 2 for a UserError, 130 for Ctrl-C.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import hydra
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from conf.messages import explained
from data.errors import ConfigError, UserError, closest

Config = TypeVar("Config")


@dataclass(kw_only=True, slots=True)
class StoreConfig:
    """Where versions are kept. `path` is a DuckDB file; TUNEPROOF_STORE names another default."""

    path: str = "runs/warehouse.duckdb"


def config_folder(command: str) -> Path:
    """The folder with the command's primary configuration and groups."""
    return Path(__file__).parent / command


def main(command: str, schema: type[Config], task: Callable[[Config], int | None]) -> None:
    """Compose, type, run, exit. Never returns normally."""
    sys.exit(run(command, schema, task))


def run(command: str, schema: type[Config], task: Callable[[Config], int | None]) -> int:
    """Like `main`, but returns the exit code; with --multirun the highest of its jobs."""
    # Without it Hydra prints errors itself and exits with 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    ConfigStore.instance().store(name="schema", node=schema)
    codes: list[int] = []

    def job(composed: DictConfig) -> None:
        # Caught here, since Hydra announces an exception that leaves its job in its own words.
        try:
            codes.append(task(typed(composed, schema)) or 0)
        except UserError as error:
            codes.append(complain(error))
        except OmegaConfBaseException as error:
            codes.append(complain(explained(error, command, schema)))
        except KeyboardInterrupt:
            print("\nstopped; what was finished is kept", file=sys.stderr)  # noqa: T201
            codes.append(128 + signal.SIGINT)

    decorated = hydra.main(version_base="1.3", config_path=str(config_folder(command)), config_name="config")(
        job
    )
    try:
        decorated()
    except (HydraException, OmegaConfBaseException) as error:
        return complain(explained(error, command, schema))
    return max(codes, default=0)


def typed(composed: DictConfig, schema: type[Config]) -> Config:
    """The composed configuration as the dataclass `schema`; raises ConfigError for a key that it lacks."""
    _refuse_strangers(OmegaConf.to_container(composed, resolve=False), schema, "")
    try:
        config = OmegaConf.to_object(composed)
    except OmegaConfBaseException as error:
        cause = error.__cause__ or error.__context__
        if isinstance(cause, UserError):
            raise cause from None
        raise
    assert isinstance(config, schema)
    return config


def compose(command: str, schema: type[Config], overrides: list[str]) -> Config:
    """The typed configuration of `command` with `overrides`, without running anything; for tests and notebooks."""
    ConfigStore.instance().store(name="schema", node=schema)
    with hydra.initialize_config_dir(version_base="1.3", config_dir=str(config_folder(command))):
        return typed(hydra.compose("config", overrides=overrides), schema)


def restored(schema: type[Config], plain: dict[str, Any]) -> Config:
    """The dataclass that was stored as plain data (a version's configuration); ranges are checked again."""
    node = OmegaConf.merge(OmegaConf.structured(schema), plain)
    config = OmegaConf.to_object(node)
    assert isinstance(config, schema)
    return config


def complain(error: UserError) -> int:
    """Print a user error to stderr, the problem first and the way out beneath; returns 2."""
    print(f"error: {error.problem}", file=sys.stderr)  # noqa: T201
    for hint in error.hints:
        for line in hint.splitlines():
            print(f"  {line}", file=sys.stderr)  # noqa: T201
    return 2


def _refuse_strangers(node: Any, schema: Any, prefix: str) -> None:
    """Hydra accepts `+nope=1` even with a schema: such a key would silently do nothing."""
    if not isinstance(node, dict) or not is_dataclass(schema):
        return
    known = {f.name: f.type for f in fields(schema)}
    types = _resolved_types(schema)
    for key, value in node.items():
        if key not in known:
            raise ConfigError(f"no such key: {prefix}{key}", closest(str(key), known))
        _refuse_strangers(value, types.get(str(key)), f"{prefix}{key}.")


def _resolved_types(schema: Any) -> dict[str, Any]:
    from typing import get_type_hints

    return get_type_hints(schema)
