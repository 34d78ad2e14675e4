"""Work in threads, in order: items made ahead of their use, and one function on many items."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from queue import Empty, Queue
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Done:
    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def ahead(items: Iterable[Item], depth: int = 2) -> Iterator[Item]:
    """The items in order, up to `depth` of them made ahead in a thread; what making them raises is raised here.

    Pays where making and using release the interpreter in turn, as parsing and DuckDB do.
    """
    queue: Queue[Item | _Done] = Queue(depth)
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


def usable_cores() -> int:
    """Cores that this process may use; not every system tells, then all."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_threads(
    work: Callable[[Item], Result], items: Iterable[Item], threads: int | None = None
) -> Iterator[Result]:
    """`work(item)` for each item, in order, where the work releases the GIL. Default: one thread a usable core."""
    count = threads or usable_cores()
    if count == 1:
        yield from map(work, items)
        return
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(count) as pool:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= 2 * count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
