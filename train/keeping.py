"""Writing to a store that another command holds: wait for it and say so, rather than lose what a training took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from data.errors import StoreInUse
from data.store import Store
from train.forecast_shown import clock

# Seconds that a training waits for its store: before it began, and when it is done.
AT_START, AT_END = 60.0, 3600.0
_EVERY = 0.5  # seconds between two tries


@contextmanager
def writing(path: str, console: Console, *, patience: float, safe: str = "") -> Iterator[Store]:
    """The store at `path`, open for writing, as soon as nobody else has it.

    `safe` says what is kept elsewhere meanwhile. Raises StoreInUse after `patience` seconds, and StoreError at once for
    any other trouble with the store.
    """
    until, said = time.monotonic() + patience, False
    while True:
        try:
            store = Store.open(path)
            break
        except StoreInUse as error:
            if time.monotonic() > until:
                raise StoreInUse(error.problem, *([safe] if safe else []), *error.hints) from None
            if not said:
                words = f"{error.problem}: waiting for it, up to {clock(patience)}. {safe}"
                console.print(words.strip(), highlight=False, soft_wrap=True)
                said = True
            time.sleep(_EVERY)
    with store:
        yield store
