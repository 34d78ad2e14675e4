"""Runs a command: composes its configuration, types it once, calls its task, and says a user's mistake plainly.

`main("curation", CurationConfig, run)` composes conf/curation/config.yaml with the overrides of the command line.
The exit code is what the task returns (None is 0), 2 for a UserError, 130 for Ctrl-C.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, fields, is_dataclass
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from conf.experiments import named_by_file
from conf.messages import explained, refuse_dashes
from data.commands import DEFAULT_STORE, spelt
from data.errors import ConfigError, UserError, closest
from data.trouble import STORE_WAY, cannot_write, check_folder, complain, trouble

Config = TypeVar("Config")


@dataclass(kw_only=True, slots=True)
class StoreConfig:
    """Where versions are kept. `path` is a DuckDB file; TUNEPROOF_STORE names another default."""

    path: str = DEFAULT_STORE


def config_folder(command: str) -> Path:
    """The folder with the command's primary configuration and groups."""
    return Path(__file__).parent / command


def main(command: str, schema: type[Config], task: Callable[[Config], int | None]) -> None:
    """Compose, type, run, exit. Never returns normally."""
    sys.exit(run(command, schema, task))


def run(command: str, schema: type[Config], task: Callable[[Config], int | None]) -> int:
    """Like `main`, but returns the exit code; with --multirun the highest of its jobs."""
    # The imports of heavy libraries make objects by the hundred thousand, of which none is garbage.
    gc.set_threshold(50_000, 20, 100)
    # Without it Hydra prints errors itself and exits with 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    ConfigStore.instance().store(name="schema", node=_node(schema))
    codes: list[int] = []

    def job(composed: DictConfig) -> None:
        # Caught here, since Hydra announces an exception that leaves its job in its own words.
        store = ""
        _announce()
        try:
            store = str(OmegaConf.select(composed, "store.path"))
            config = typed(composed, schema)
            check_places(config)
            codes.append(task(config) or 0)
        except OmegaConfBaseException as error:
            codes.append(complain(explained(error, command, schema)))
        except Exception as error:
            known = trouble(error)
            if known is None:
                raise
            codes.append(complain(known, store))

    decorated = hydra.main(version_base="1.3", config_path=str(config_folder(command)), config_name="config")(
        job
    )
    try:
        refuse_dashes(sys.argv[1:], command)
        with named_by_file(sys.argv[1:]) as words, _help_as_typed(words):
            sys.argv[1:] = words
            decorated()
    except (HydraException, OmegaConfBaseException) as error:
        return complain(explained(error, command, schema))
    except UserError as error:
        return complain(error)
    except OSError as error:  # of the jobs' folder: what happens within a job is caught there
        known = trouble(error)
        if known is None:
            raise
        return complain(UserError(known.problem, "name another folder: hydra.sweep.dir=FOLDER"))
    except KeyboardInterrupt:
        print("\nstopped; what was finished is kept", file=sys.stderr)  # noqa: T201
        return 128 + signal.SIGINT
    return max(codes, default=0)


@contextmanager
def _help_as_typed(words: Sequence[str]) -> Iterator[None]:
    """Hydra's --help, with the commands in it as this user types them."""
    if not {"--help", "-h"}.intersection(words):
        yield
        return
    shown = sys.stdout
    with redirect_stdout(StringIO()) as said:
        try:
            yield
        finally:  # Hydra exits once it has shown it
            print(spelt(said.getvalue()), end="", file=shown)


def check_places(config: Any) -> None:
    """Raise UserError where a command could not write what it will write: known before the work, not after it.

    A dry run and a chat write nothing. `out` is null where a command names a folder under runs/ by itself.
    """
    if getattr(config, "dry_run", False) or getattr(config, "chat", ""):
        return
    check_folder(Path(getattr(config, "out", None) or "runs").expanduser(), "name another folder: out=FOLDER")
    store = Path(config.store.path).expanduser()
    check_folder(store.parent, STORE_WAY, name=store)
    if store.is_file() and not os.access(store, os.W_OK):
        raise cannot_write(store, "no permission to write it", STORE_WAY)


def _announce() -> None:
    """With --multirun: which settings the next lines belong to."""
    hydra_config = HydraConfig.get()
    if hydra_config.mode == RunMode.MULTIRUN:
        print(f"\n== {' '.join(hydra_config.overrides.task)}", flush=True)  # noqa: T201


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
    ConfigStore.instance().store(name="schema", node=_node(schema))
    with hydra.initialize_config_dir(version_base="1.3", config_dir=str(config_folder(command))):
        return typed(hydra.compose("config", overrides=overrides), schema)


def _node(schema: Any) -> DictConfig:
    """The schema for Hydra. A field that maps names to values takes any name: the dataclass says which it knows."""
    node: DictConfig = OmegaConf.structured(schema)
    _open_dicts(node)
    return node


def _open_dicts(node: DictConfig) -> None:
    for key in node:
        child = node._get_node(key)
        if not isinstance(child, DictConfig) or child._is_none() or child._is_missing():
            continue
        if is_dataclass(OmegaConf.get_type(child)):
            _open_dicts(child)
        else:
            OmegaConf.set_struct(child, False)


def restored(schema: type[Config], plain: dict[str, Any]) -> Config:
    """The dataclass that was stored as plain data (a version's configuration); ranges are checked again."""
    node = OmegaConf.merge(OmegaConf.structured(schema), plain)
    config = OmegaConf.to_object(node)
    assert isinstance(config, schema)
    return config


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
