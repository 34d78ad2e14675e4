"""A store that another command holds: wait for it and say so, rather than fail or lose what a training took."""

from __future__ import annotations

import time

from rich.console import Console

from data.errors import StoreInUse
from data.store import Store
from train.forecast_shown import clock

# Seconds that a training waits for its store: before it began, and when hours of work may hang on it.
AT_START, AT_END = 60.0, 3600.0
_EVERY = 0.5  # seconds between two tries


def reading(path: str, console: Console, *, patience: float = AT_START) -> Store:
    """The store at `path`, open for reading, as soon as nobody writes to it. Raises as `writing` does."""
    return _waited_for(path, console, patience, "", read_only=True)


def writing(path: str, console: Console, *, patience: float, safe: str = "") -> Store:
    """The store at `path`, open for writing, as soon as nobody else has it.

    `safe` says what is kept elsewhere meanwhile. Raises StoreInUse after `patience` seconds, and StoreError at once for
    any other trouble with the store.
    """
    return _waited_for(path, console, patience, safe, read_only=False)


def _waited_for(path: str, console: Console, patience: float, safe: str, *, read_only: bool) -> Store:
    until, said = time.monotonic() + patience, False
    while True:
        try:
            return Store.open(path, read_only=read_only)
        except StoreInUse as error:
            if time.monotonic() > until:
                raise StoreInUse(error.problem, *([safe] if safe else []), *error.hints) from None
            if not said:
                words = f"{error.problem}: waiting for it, up to {clock(patience)}. {safe}"
                console.print(words.strip(), highlight=False, soft_wrap=True)
                said = True
            time.sleep(_EVERY)
