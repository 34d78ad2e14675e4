"""The configuration of `python -m curation.desk`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from conf.app import StoreConfig
from curation.desk.settings import LabellingConfig
from curation.desk.verbs import Verb
from data.errors import ConfigError

if TYPE_CHECKING:
    from data.store import Store

USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")  # what Argilla takes


@dataclass(kw_only=True, slots=True)
class DeskConfig:
    """Where people label.

    The server that `up` starts:

    home          folder with its database, credentials and log
    environment   folder of the server's own Python environment; null: a per-user folder, shared by all desks
    python        the Python that makes it, 3.11 to 3.13; null: the one that runs this
    host          address that it listens on. 0.0.0.0 lets other machines in, without encryption: put a proxy before it
    port          port that it listens on; 0: any that is free
    redis         URL of a Redis server; empty: one inside the desk's process
    detach        go to the background once it is ready
    wait_seconds  how long `up` waits for the server to be ready
    owner         name of the user who may do everything
    annotators    names of the users who label

    Any server, this one or another:

    url           address of another Argilla server; empty: the one that `up` started in `home`. Its API key is read
                  from TUNEPROOF_DESK_KEY or ARGILLA_API_KEY, never from the configuration
    workspace     workspace that datasets are made in

    No server at all:

    file          label in this file (.csv or .jsonl), for instance in a spreadsheet
    """

    home: str = "runs/desk"
    environment: str | None = None
    python: str | None = None
    host: str = "127.0.0.1"
    port: int = 6900
    redis: str = ""
    detach: bool = False
    wait_seconds: float = 120
    owner: str = "owner"
    annotators: list[str] = field(default_factory=lambda: ["annotator"])
    url: str = ""
    workspace: str = "tuneproof"
    file: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ConfigError(
                f"desk.port={self.port}",
                "allowed: 1 to 65535, or 0 for any that is free; usual: desk.port=6900",
            )
        if self.wait_seconds <= 0:
            raise ConfigError(f"desk.wait_seconds={self.wait_seconds}", "allowed: above 0")
        names = [("owner", self.owner), *(("annotators", name) for name in self.annotators)]
        for key, name in (*names, ("workspace", self.workspace)):
            if not USERNAME.fullmatch(name):
                raise ConfigError(
                    f"desk.{key}: '{name}' is no name for Argilla",
                    "allowed: letters, digits, - and _, beginning with a letter or digit",
                )
        users = [name for _, name in names]
        twice = sorted({name for name in users if users.count(name) > 1})
        if twice:
            raise ConfigError(f"desk.owner and desk.annotators: '{twice[0]}' stands there twice")
        if self.file and not self.file.lower().endswith((".csv", ".jsonl")):
            raise ConfigError(
                f"desk.file={self.file} is no kind of file that is written", "allowed: .csv, .jsonl"
            )
        for key, value, schemes in (
            ("url", self.url, ("http", "https")),
            ("redis", self.redis, ("redis", "rediss", "unix")),
        ):
            if value and urlsplit(value).scheme not in schemes:
                raise ConfigError(f"desk.{key}={value} is no address", f"it begins with {schemes[0]}://")


@dataclass(kw_only=True, slots=True)
class DeskCommand(LabellingConfig):
    """A whole command line of the desk.

    verb    the first word
    file    the file of `backup` and `restore`
    store   where versions are kept
    out     folder for files that are written
    desk    the server, or which one to talk to

    What is asked and what the answers do: LabellingConfig in curation/desk/settings.py.
    """

    verb: Verb = Verb.status
    file: str = ""
    store: StoreConfig = field(default_factory=StoreConfig)
    out: str = "runs/desk"
    desk: DeskConfig = field(default_factory=DeskConfig)


def existing_store(command: DeskCommand) -> Store:
    """The store, open for writing; one that does not exist is not made. Raises StoreError."""
    from data.store import Store

    path = Path(command.store.path).expanduser()
    return Store.open(path, read_only=not path.exists())
