"""Work ahead: the next item is made in a thread while the last one is used."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from queue import Empty, Queue
from typing import TypeVar

T = TypeVar("T")


class _Done:
    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def ahead(items: Iterable[T], depth: int = 2) -> Iterator[T]:
    """The items in order, up to `depth` of them made ahead in a thread; what making them raises is raised here.

    Pays where making and using release the interpreter in turn, as parsing and DuckDB do.
    """
    queue: Queue[T | _Done] = Queue(depth)
    stop = threading.Event()

    def fill() -> None:
        try:
            for item in items:
                queue.put(item)
                if stop.is_set():
                    return
        except BaseException as error:
            queue.put(_Done(error))
        else:
            queue.put(_Done())

    thread = threading.Thread(target=fill, daemon=True, name="ahead")
    thread.start()
    try:
        while not isinstance(item := queue.get(), _Done):
            yield item
        if item.error is not None:
            raise item.error
    finally:  # a user who stops early leaves no thread behind
        stop.set()
        while thread.is_alive():
            with suppress(Empty):
                queue.get(timeout=0.01)
        thread.join()
