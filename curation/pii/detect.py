"""`scan`: texts in, findings out, with whichever engine the configuration names."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import lru_cache
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from threading import Thread
from types import TracebackType
from typing import Any, Protocol, Self

from curation.pii.config import ENTITIES, Code, Engine, PiiConfig
from curation.pii.extras import find_extras
from curation.pii.finding import (
    Finding,
    denied,
    not_allowed,
    other_script,
    outside_code_blocks,
    outside_placeholders,
    without_code,
    without_names,
)
from curation.pii.patterns import scan_patterns
from data.records import digest

PARALLEL_FROM_RECORDS = 5_000  # below this a second process costs more (about 10 s to start) than it saves
CHUNK_TEXTS = 512
REMEMBERED_TEXTS = 200_000
LONE_SURROGATE = re.compile("[\ud800-\udfff]")

__all__ = ["Finding", "Scanner", "scan"]


def scan(texts: Sequence[str], config: PiiConfig) -> list[list[Finding]]:
    """Findings in each text, by position; they may overlap (`finding.resolved` mends that).

    Placeholders such as `<PERSON>` are never found. MissingPackage where the spaCy model is not installed.
    """
    with Scanner(config) as scanner:
        return scanner.scan(texts)


class Scanner:
    """Scans many batches: each distinct text once, in `config.processes` processes.

    `records` is the size of the input, for processes=0.
    """

    def __init__(self, config: PiiConfig, *, records: int = 0) -> None:
        self._config = config
        self._known: dict[str, list[Finding]] = {}
        wanted = config.processes or (min(2, os.cpu_count() or 1) if records > PARALLEL_FROM_RECORDS else 1)
        self._pool: ProcessPoolExecutor | None = None
        if config.enabled and config.engine is not Engine.patterns and wanted > 1:
            _analyzer(_key(config))  # an error about a missing model belongs to this process
            # spawn: a fork of a process with polars' threads can hang
            self._pool = ProcessPoolExecutor(
                wanted, mp_context=get_context("spawn"), initializer=_end_with_parent
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def scan(self, texts: Sequence[str]) -> list[list[Finding]]:
        """See `scan`. What templates repeat (system prompts) is looked at once."""
        if not self._config.enabled:
            return [[] for _ in texts]
        keys = [digest(text) for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        found = dict(zip(new, self._find(list(new.values())), strict=True))
        answer = [found[key] if key in found else self._known[key] for key in keys]
        if len(self._known) + len(found) > REMEMBERED_TEXTS:
            self._known.clear()
        self._known |= found
        return answer

    def _find(self, texts: list[str]) -> list[list[Finding]]:
        chunks = [texts[at : at + CHUNK_TEXTS] for at in range(0, len(texts), CHUNK_TEXTS)]
        configs = [self._config] * len(chunks)
        results = self._pool.map(_find, chunks, configs) if self._pool else map(_find, chunks, configs)
        return [findings for chunk in results for findings in chunk]


def _end_with_parent() -> None:
    """A worker whose parent was killed ends too: it would wait for work for good, and hold the terminal's pipe."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def _find(texts: list[str], config: PiiConfig) -> list[list[Finding]]:
    entities = frozenset(config.entities)
    # Half a character (a lone surrogate) makes spaCy stop; one sign for one sign keeps the positions.
    texts = [LONE_SURROGATE.sub("\ufffd", text) for text in texts]
    if config.engine is Engine.patterns:
        kept = [[f for f in own if f.type in entities] for own in scan_patterns(texts)]
    else:
        kept = _analyzer(_key(config)).find(texts)
        unreadable = other_script(texts)
        kept = [without_names(own) if other else own for own, other in zip(kept, unreadable, strict=True)]
    if config.engine is Engine.presidio and config.extra_patterns:
        lowest = min([config.threshold, *config.thresholds.values()])
        kept = [own + find_extras(text, entities, lowest) for text, own in zip(texts, kept, strict=True)]
    kept = [[f for f in own if f.score >= _threshold(f, config)] for own in kept]
    if config.deny:
        kept = [own + denied(text, config.deny) for text, own in zip(texts, kept, strict=True)]
    if config.code is Code.skip:
        kept = [outside_code_blocks(text, own) for text, own in zip(texts, kept, strict=True)]
    types = sorted(entities - set(ENTITIES))
    kept = [outside_placeholders(text, own, types) for text, own in zip(texts, kept, strict=True)]
    if config.allow:
        allowed = frozenset(word.casefold() for phrase in config.allow for word in phrase.split())
        kept = [not_allowed(text, own, allowed) for text, own in zip(texts, kept, strict=True)]
    if config.skip_code_names:
        kept = [without_code(text, own) for text, own in zip(texts, kept, strict=True)]
    return [_distinct(own) for own in kept]


def _distinct(findings: list[Finding]) -> list[Finding]:
    """By position; of equal findings the one with the highest score."""
    best: dict[tuple[str, int, int], Finding] = {}
    for finding in sorted(findings):  # by score last
        best[finding[:3]] = finding
    return sorted(best.values(), key=lambda f: (f.start, f.end, f.type))


def _threshold(finding: Finding, config: PiiConfig) -> float:
    return config.thresholds.get(finding.type, config.threshold)


class _Analyzer(Protocol):
    """An engine, loaded."""

    def find(self, texts: Sequence[str]) -> list[list[Finding]]: ...


# What an engine depends on.
_KEYS = (
    "engine",
    "spacy_model",
    "entities",
    "threshold",
    "thresholds",
    "recognizers",
    "phone_regions",
    "model_threshold",
    "threads",
    "skip_code_names",
)


def _key(config: PiiConfig) -> str:
    return json.dumps({name: getattr(config, name) for name in _KEYS}, sort_keys=True)


@lru_cache(maxsize=2)
def _analyzer(key: str) -> _Analyzer:
    """The engine takes seconds to load: one a process and configuration."""
    values: dict[str, Any] = json.loads(key)
    config = PiiConfig(**{**values, "engine": Engine(values["engine"])})
    if config.engine is Engine.best:
        from curation.pii.best import BestAnalyzer

        return BestAnalyzer(config)
    from curation.pii.fast import FastAnalyzer

    lowest = min([config.threshold, *config.thresholds.values()])
    return FastAnalyzer(replace(config, threshold=lowest))
