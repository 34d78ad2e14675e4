"""A model by hub id: from the local cache where it is complete, else over the network."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from data.errors import ConfigError, UserError
from train.model_folder import is_whole

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_FILES = ["*.json", "*.txt", "*.jinja", "*.model"]
_WEIGHTS = ["*.safetensors"]


def check_id(name: str) -> None:
    """Raise ConfigError for what cannot be a hub id."""
    if not _HUB_ID.fullmatch(name):
        raise ConfigError(
            f"model.path={name} is neither a directory nor a hub id",
            "a hub id has the form org/name; a directory must exist",
        )


def fetch(name: str, revision: str | None, say: Callable[[str], None], *, weights: bool = True) -> Path:
    """The folder with the snapshot of hub model `name`, without `weights` perhaps of its other files alone.

    Code in the repository is never run or fetched.
    """
    check_id(name)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    files = [*_FILES, *(_WEIGHTS if weights else [])]
    with suppress(LocalEntryNotFoundError):
        path = Path(snapshot_download(name, revision=revision, allow_patterns=files, local_files_only=True))
        # What is in the cache may be what a forecast fetched, or an interrupted download.
        if is_whole(path) or not weights:
            return path
    say(f"Fetching {name} from the hub{'' if weights else ', without its weights'} ...")
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=files))
    # The client raises its own, httpx's and OSError kinds, with and without a common ancestor by version.
    except Exception as error:
        raise UserError(
            f"the hub model {name} is not in the local cache and could not be fetched",
            f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else 'no answer'}",
            "with a network: check the id, and `hf auth login` for a gated model",
            "without one: copy the model's folder here and give model.path=FOLDER, or use model=smollm2_135m",
        ) from error
