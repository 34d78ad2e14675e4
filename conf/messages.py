"""Hydra's and OmegaConf's errors in the words of the command line."""

from __future__ import annotations

import re
import typing
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from data.errors import ConfigError, UserError, closest

# What Hydra itself understands; anything else with dashes is a key spelt as in other programs.
FLAGS = (
    "--help", "--hydra-help", "--version", "--cfg", "--resolve", "--package", "--run", "--multirun",
    "--shell-completion", "--config-path", "--config-name", "--config-dir", "--experimental-rerun", "--info",
)  # fmt: skip
# Commands that are started under another name than that of their folder of configuration.
MODULES = {"desk": "curation.desk"}


def refuse_dashes(words: Sequence[str], command: str) -> None:
    """Raise ConfigError for `--key=value` and `--key value`, which Hydra answers with its own usage."""
    for number, word in enumerate(words):
        name, equals, value = word.partition("=")
        if not word.startswith("--") or any(flag.startswith(name) for flag in FLAGS):
            continue
        following = words[number + 1] if number + 1 < len(words) else ""
        bare = following if following and "=" not in following and not following.startswith("-") else "VALUE"
        key = name.removeprefix("--").replace("-", "_")
        raise ConfigError(
            f"no such option: {word}", f"write {key}={value if equals else bare} without --", _help(command)
        )


def explained(error: BaseException, command: str, schema: Any) -> UserError:
    """A composition or typing error as what failed, what is allowed, and the next command."""
    text = str(error)
    cause = error.__cause__ or error.__context__
    detail = str(cause) if cause else text
    unknown_choice = re.search(r"Could not find '([^']+)/([^'/]+)'", text)
    if unknown_choice:
        group, choice = unknown_choice.groups()
        return _unknown_choice(group, choice, command)
    unknown_key = re.search(r"Could not override '([^']+)'", text)
    if unknown_key:
        return _unknown_key(unknown_key.group(1), command, schema)
    full_key = re.search(r"full_key: (\S+)", detail)
    if full_key:
        allowed = re.search(r"expected one of \[(.*)\]", detail)
        hints = [f"allowed: {allowed.group(1)}"] if allowed else []
        kind = _type_of(schema, full_key.group(1))
        hints += [f"{full_key.group(1)} takes {kind}"] if kind and not allowed else []
        return ConfigError(f"{full_key.group(1)}: {_first_line(detail)}", *hints, _help(command))
    if type(error).__name__ == "OverrideParseException":
        return ConfigError(
            f"cannot read an override: {_first_line(text)}",
            "overrides look like key=value; quote values with spaces, brackets or colons: 'key=\"a b\"'",
            _help(command),
        )
    return ConfigError(_first_line(text), *text.splitlines()[1:6], _help(command))


def _unknown_choice(group: str, choice: str, command: str) -> ConfigError:
    folder = Path(__file__).parent / command / group
    names = [path.stem for path in folder.glob("*.yaml")]
    key = group.replace("/", ".")
    return ConfigError(f"{key}={choice}: no such choice", closest(choice, names), _help(command))


def _unknown_key(key: str, command: str, schema: Any) -> ConfigError:
    """Where in the tree of dataclasses the key went wrong, and what stands there."""
    node = schema
    walked: list[str] = []
    for part in key.split("."):
        hints = typing.get_type_hints(node) if is_dataclass(node) else {}
        if part not in hints:
            break
        walked.append(part)
        node = hints[part]
    names = [f.name for f in fields(node)] if is_dataclass(node) else []
    place = ".".join(walked)
    where = f" in {place}" if place else ""
    wrong = key.split(".")[len(walked)] if len(walked) < len(key.split(".")) else key
    suggestion = closest(wrong, names) if names else ""
    return ConfigError(f"no such key{where}: {key}", suggestion, _help(command))


def _type_of(schema: Any, key: str) -> str:
    node = schema
    for part in key.split("."):
        bare = part.split("[")[0]
        hints = typing.get_type_hints(node) if is_dataclass(node) else {}
        if bare not in hints:
            return ""
        node = hints[bare]
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
    return names.get(node, str(node).replace("typing.", "")) if not is_dataclass(node) else ""


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "unknown configuration error"


def _help(command: str) -> str:
    return f"all keys: python -m {MODULES.get(command, command)} --help"
