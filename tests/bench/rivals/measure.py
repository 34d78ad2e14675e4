"""How each method of the dedup benchmark is measured; runs in the rivals' environments too, so it needs psutil only."""

from __future__ import annotations

import json
import sys
import threading
import time
from array import array
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import psutil

THRESHOLD = 0.8
PERMUTATIONS = 128
SHINGLE = 5
WARM_UP = 300


class PeakMemory(threading.Thread):
    """Samples this process's memory while it works; loading the corpus before is not part of the peak."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.process = psutil.Process()
        self.loaded = self.peak = self.process.memory_info().rss
        self.done = threading.Event()

    def run(self) -> None:
        """Twenty samples a second until `done`."""
        while not self.done.wait(0.05):
            self.peak = max(self.peak, self.process.memory_info().rss)


def measured(work: Callable[[Any], Any], texts: Any, few: Any) -> tuple[Any, dict[str, float]]:
    """What `work` makes of the texts, after a warm-up on a few of them, and what that cost."""
    work(few)
    memory = PeakMemory()
    memory.start()
    wall, cpu = time.perf_counter(), cpu_seconds()
    labels = work(texts)
    figures = {
        "cpu_seconds": cpu_seconds() - cpu,
        "wall_seconds": time.perf_counter() - wall,
        "peak_mb": memory.peak / 1e6,
        "loaded_mb": memory.loaded / 1e6,
    }
    memory.done.set()
    return labels, figures


def cpu_seconds() -> float:
    """Of this process, all threads, and of its children that have ended."""
    times = psutil.Process().cpu_times()
    return time.process_time() + float(times.children_user + times.children_system)


def components(
    count: int, pairs: Iterable[tuple[int, int]], similar: Callable[[int, int], bool]
) -> list[int]:
    """The lowest row of each row's cluster; a pair that is together already is not compared."""
    parent = list(range(count))

    def root(x: int) -> int:
        while parent[x] != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x

    for left, right in pairs:
        a, b = root(left), root(right)
        if a != b and similar(left, right):
            parent[max(a, b)] = min(a, b)
    return [root(row) for row in range(count)]


def main(work: Callable[[Any], Sequence[int]]) -> None:
    """A rival's script: `CORPUS OUT`, the corpus's texts as an Arrow array in; labels and figures go to files."""
    from pyarrow import parquet

    path, out = map(Path, sys.argv[1:])
    texts = parquet.read_table(path)["text"].combine_chunks()
    labels, figures = measured(work, texts, texts.slice(0, WARM_UP))
    out.with_suffix(".labels").write_bytes(array("q", labels).tobytes())
    out.write_text(json.dumps(figures))
