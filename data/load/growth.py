"""What of a source was read before: whole files, and the beginning of a JSON Lines file that has grown."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.load.config import Format, SourceConfig
from data.load.formats import Start, format_of

# So many rows decide how a file's rows are read: a file that was shorter may be read otherwise once it has grown.
SAMPLE_ROWS = 100


@dataclass(frozen=True, slots=True)
class Before:
    """An earlier reading that a source goes on from.

    files    path -> (rows, rejected) of what was read then
    start    path -> where to go on; files of `files` without one are passed over
    present  which of some record ids were given out then
    """

    files: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    start: Mapping[str, Start] = field(default_factory=dict)
    present: Callable[[Collection[str]], set[str]] = lambda ids: set()


def grown(
    files: Sequence[Path], digests: Sequence[str], old: Sequence[Mapping[str, Any]], config: SourceConfig
) -> tuple[dict[str, tuple[int, int]], dict[str, Start]] | None:
    """`Before.files` and `Before.start` where the files begin with those of an earlier reading; else None.

    old  the earlier files: file, sha256, bytes, rows, rejected
    """
    if not old or len(old) > len(files):
        return None
    first = list(zip(files, digests, strict=True))[: len(old)]
    entries = {(Path(entry["file"]).name, entry["sha256"]): entry for entry in old}
    now = Counter((path.name, digest) for path, digest in first)
    if len(entries) != len(old) or max(now.values()) > 1:
        return None  # one file twice: which is which cannot be told
    known = {path: entries.pop((path.name, digest), None) for path, digest in first}
    start: dict[str, Start] = {}
    for path, entry in known.items():
        if entry is None:
            left = [key for key in entries if key[0] == path.name]
            if path != first[-1][0] or len(left) != 1:
                return None
            known[path] = shorter = entries.pop(left[0])
            begin = _beginning(path, shorter, config)
            if begin is None:
                return None
            start[str(path)] = begin
    if entries:
        return None
    return {str(path): (e["rows"] + e["rejected"], e["rejected"]) for path, e in known.items() if e}, start


def _beginning(path: Path, entry: Mapping[str, Any], config: SourceConfig) -> Start | None:
    """The end of what was read, if the file holds the same up to there and goes on with a new line."""
    kind = config.format if config.format != Format.auto else format_of(path)
    if kind != Format.jsonl or path.suffix == ".gz" or entry["rows"] + entry["rejected"] < SAMPLE_ROWS:
        return None
    total, lines, left, last = hashlib.sha256(), 0, int(entry["bytes"]), b""
    with path.open("rb") as file:
        while left and (block := file.read(min(left, 1 << 20))):
            total.update(block)
            lines += block.count(b"\n")
            left -= len(block)
            last = block[-1:]
    if left or last != b"\n" or total.hexdigest() != entry["sha256"]:
        return None
    return Start(int(entry["bytes"]), lines)
