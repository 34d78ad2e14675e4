"""The whole pipeline: ingest, then each stage judges and the store applies."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console

import data.load
from curation.config import CurationConfig
from curation.desk.carry import carry_after, carry_before, last_terms
from curation.grown import NOBODY, Earlier, Grown
from curation.reread import id_to_read, notice, purged_before
from curation.restore import keeping_latest, repeat, undos
from curation.stages import STAGES, Stage, code_digest
from curation.steps import Step
from curation.warm import warm_up
from data.ahead import in_threads
from data.commands import spelt
from data.errors import SourceError
from data.forgotten import STAGE as FORGET
from data.forgotten import leave_out_forgotten
from data.load import Loader, sha256_of, source_files
from data.load.config import Format, SourceConfig
from data.load.growth import Before, grown
from data.progress import progress
from data.records import Pick, Records, canonical_json, digest
from data.store import Store
from data.verdicts import Verdicts, verdicts


def plain(config: Any) -> dict[str, Any]:
    """A configuration dataclass as JSON-able data (enums by value)."""
    value: dict[str, Any] = json.loads(canonical_json(asdict(config)))
    return value


def run_pipeline(store: Store, config: CurationConfig) -> list[Step]:
    """Ingest the source and run the stages that are on; what was done before is reused.

    What people brought back is brought back again where a stage removes it again (`keep_undo`), and what they
    answered on the labelling desk is applied to the same texts again (`keep_answers`).
    """
    kept = undos(store) if config.keep_undo else {}
    answered = last_terms(store) if config.keep_answers else None
    wanted = [(STAGES[name], getattr(config, name)) for name in config.stages]
    wanted = [(stage, stage_config) for stage, stage_config in wanted if stage.is_on(stage_config)]
    for stage, stage_config in wanted:
        stage.code_with(stage_config)  # a file that cannot be read is said before the work
    with keeping_latest(store):
        steps = [ingest(store, config, wanted=[stage for stage, _ in wanted])]
        if (without := leave_out_forgotten(store, steps[0].version)) is not None:
            steps.append(Step(FORGET, without, False, 0.0))
        for stage, stage_config in wanted:
            if step := carry_before(store, steps[-1].version, stage.name, answered):
                steps.append(step)
            steps.append(run_stage(store, steps[-1].version, stage, stage_config))
            for undo in kept.get(stage.name, []):
                if step := repeat(store, steps[-1].version, undo):
                    steps.append(step)
        if step := carry_after(store, steps[-1].version, answered):
            steps.append(step)
    return steps


def ingest(store: Store, config: CurationConfig, wanted: Sequence[Stage] = ()) -> Step:
    """Version 0 of the source: the same files with the same mapping are not read again.

    Where they surely are, the stages that are `wanted` afterwards load what they need meanwhile.
    """
    started = time.perf_counter()
    source = config.source
    settings = {key: value for key, value in plain(source).items() if key != "path"}
    code = code_digest(Path(data.load.__file__).parent)
    if source.format == Format.hub:
        contents: list[Any] = list(source.path)
        total, files, digests = None, [], []
    else:
        files = source_files(source)
        if _sizes(files) != _sizes_before(store):
            warm_up(wanted)
        digests = [sha256_of(path) for path in files]
        contents = [[path.name, found] for path, found in zip(files, digests, strict=True)]
        total = sum(path.stat().st_size for path in files)
    read = "v-" + digest(canonical_json([contents, settings, code]), hex_digits=12)
    version = id_to_read(store, read, config, plain)
    if store.reuse(version):
        return Step("ingest", version, True, time.perf_counter() - started)
    if (purged := purged_before(store, files, digests)) is not None:
        said = spelt(notice(store, purged, version), config.store.path)
        Console(stderr=True).print(said, style="yellow", markup=False, highlight=False, soft_wrap=True)
    base, before = _read_before(store, source, files, digests, settings, code)
    with progress("Reading", total=None) as advance:
        known = dict(zip(map(str, files), digests, strict=True))
        loader = Loader(source, on_rows=advance, before=before, digests=known)
        try:
            store.ingest(version, {**settings, "bytes": total}, code, loader, loader.files, base)
        except SourceError as error:
            if loader.reject_list:
                where = write_rejects(loader.reject_list, Path(config.out), version)
                raise SourceError(error.problem, *error.hints, f"all bad rows: {where}") from None
            raise
    rejects = store.rejects(version)
    if rejects.height and not config.dry_run:
        write_rejects(rejects.to_dicts(), Path(config.out), version)
    return Step("ingest", version, False, time.perf_counter() - started)


def _sizes(files: Iterable[Path]) -> dict[str, int]:
    return {str(path): path.stat().st_size for path in files}


def _sizes_before(store: Store) -> dict[str, int]:
    """The bytes of the files that were read last."""
    last = store.newest()
    return dict(store.files(last).select("file", "bytes").iter_rows()) if last else {}


def _read_before(
    store: Store,
    source: SourceConfig,
    files: list[Path],
    digests: list[str],
    settings: dict[str, Any],
    code: str,
) -> tuple[str | None, Before]:
    """The newest ingest that the source goes on from, and what of the files was read then."""
    if files and not source.limit:
        for version, old in store.ingests(settings, code):
            known = grown(files, digests, old, source)
            if known is not None:
                return version, Before(*known, present=partial(store.present, version))
    return None, Before()


def write_rejects(rejects: Iterable[dict[str, Any]], folder: Path, version: str) -> Path:
    """The reject file: file, line, reason and detail of each bad row, one JSON object a line."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"rejects-{version}.jsonl"
    path.write_text("".join(canonical_json(reject) + "\n" for reject in rejects), encoding="utf-8")
    return path


def run_stage(store: Store, parent: str, stage: Stage, config: Any) -> Step:
    """Let one stage judge `parent` and apply what it says."""
    started = time.perf_counter()
    settings, code = plain(config), stage.code_with(config)
    made = store.made(parent, stage=stage.name, config=settings, code=code)
    if made is not None:
        if store.facts(made).is_empty():  # a process that was killed after applying left none
            measure(store, parent, made, stage, config)
        return Step(stage.name, made, True, time.perf_counter() - started)
    found, kind = _said_before(store, parent, stage, settings, code), ""
    if stage.row_wise:
        said = _row_wise(store, parent, stage, config, found)
    else:
        kind = _sketch(store, parent, stage, config, found)
        with progress(f"{stage.name}: {stage.meaning}", total=None):
            said = _set_wise(store, parent, stage, config, kind, found)
    if stage.keep_originals is not None:
        stage.keep_originals(said.verdicts, config)
    version = store.apply(
        parent,
        stage=stage.name,
        config=settings,
        code=code,
        verdicts=said.verdicts,
        reasons=stage.reasons,
        started=started,
        earlier=found.version if found and said.again is not None else None,
        again=said.again,
    )
    measure(store, parent, version, stage, config, kind, found, said.left)
    return Step(stage.name, version, False, time.perf_counter() - started)


SKETCH_ROWS = 20_000


def _sketch(store: Store, parent: str, stage: Stage, config: Any, found: Earlier | None) -> str:
    """Store the stage's sketches of the texts that have none yet; returns their kind, empty where it makes none."""
    but = found.parent if found else None
    module = stage.sketches
    columns = module.sketch_columns(config) if module else ()
    if module is None or not columns:
        return ""
    kind = stage.sketch_kind(config)
    with progress(f"{stage.name}: reading texts", total=store.version(parent).rows) as advance:

        def made(batch: pl.DataFrame) -> pl.DataFrame:
            return batch.select("text_hash", data=module.sketch_batch(batch, config))

        def counted() -> Iterator[pl.DataFrame]:
            unsketched = store.unsketched(parent, kind, columns, SKETCH_ROWS, but)
            for frame in in_threads(made, unsketched):
                advance(frame.height)
                yield frame

        store.add_sketches(parent, kind, counted())
    return kind


@dataclass(frozen=True, slots=True)
class _Said:
    """Verdicts on all records; or, with `again`, on new ones and on these old ones: the rest is as said before.

    `left` is what the stage left for measuring (see `Grown`).
    """

    verdicts: Verdicts
    again: pl.Series | None = None
    left: dict[str, pl.DataFrame] = field(default_factory=dict)


def _said_before(
    store: Store, parent: str, stage: Stage, settings: dict[str, Any], code: str
) -> Earlier | None:
    """What the stage said of an earlier version whose records are a part of `parent`'s."""
    found = store.extended(parent, stage=stage.name, config=settings, code=code)
    return Earlier(store, found) if found else None


def _row_wise(store: Store, parent: str, stage: Stage, config: Any, found: Earlier | None) -> _Said:
    """Let the stage judge the records that it has not judged with this very text."""
    if found is not None:
        before, new = verdicts(), store.read(parent, but=found.parent)
    else:
        before, new = store.known(
            parent, stage=stage.name, config=plain(config), code=stage.code_with(config)
        )
    rows = len(new)
    with progress(f"{stage.name}: {stage.meaning}", total=rows) as advance:
        judged = stage.judge(Watched(new, advance), config) if rows else verdicts()
    return _Said(pl.concat([before, judged]), None if found is None else NOBODY)


def _set_wise(
    store: Store, parent: str, stage: Stage, config: Any, kind: str, found: Earlier | None
) -> _Said:
    """Let the stage judge all records, or only what is new beside the records of an earlier version."""
    if found is not None and stage.extend is not None:
        old = store.read(found.parent, sketch_kind=kind)
        kept = store.read(found.version, sketch_kind=kind)
        new = store.read(parent, but=found.parent, sketch_kind=kind)
        grown = Grown(old=old, kept=kept, new=new, said=found.said)
        more = stage.extend(grown, config)
        if more is not None:
            return _Said(*more, grown.left)
    return _Said(stage.judge(store.read(parent, sketch_kind=kind), config))


@dataclass(frozen=True, slots=True)
class Watched:
    """Records whose batches move a progress bar as they are taken."""

    records: Records
    advance: Callable[[int], None]

    @property
    def version(self) -> str:
        """See `Records`."""
        return self.records.version

    def __len__(self) -> int:
        return len(self.records)

    def frame(self, *columns: str) -> pl.LazyFrame:
        """See `Records.frame`."""
        return self.records.frame(*columns)

    def batches(self, *columns: str, rows: int = 10_000) -> Iterator[pl.DataFrame]:
        """See `Records.batches`; a hundred batches, so that the bar moves, where that is not too small for speed."""
        for batch in self.records.batches(*columns, rows=min(rows, max(2_000, len(self) // 100))):
            yield batch
            self.advance(batch.height)

    def earlier(self, stage: str, config: dict[str, Any], reason: str = "") -> pl.DataFrame:
        """See `Records.earlier`."""
        return self.records.earlier(stage, config, reason)

    @property
    def sketched(self) -> bool:
        """See `Records.sketched`."""
        return self.records.sketched

    def sketches(self, pick: Pick | None = None) -> pl.DataFrame:
        """See `Records.sketches`."""
        return self.records.sketches(pick)

    def among(self, ids: pl.Series) -> Records:
        """See `Records.among`."""
        return self.records.among(ids)


def measure(
    store: Store,
    parent: str,
    version: str,
    stage: Stage,
    config: Any,
    kind: str = "",
    found: Earlier | None = None,
    left: Mapping[str, pl.DataFrame] | None = None,
) -> None:
    """Store the facts of a stage that measures itself: `curation.<name>.measure(before, after, config)`."""
    if stage.measure is None:
        return
    facts = None
    if found is not None and stage.measure_grown is not None and store.holds(version, found.version):
        earlier = store.read(found.version, sketch_kind=kind)
        new = store.read(version, but=found.version, sketch_kind=kind)
        before = store.facts(found.version)
        facts = stage.measure_grown(store.read(version), earlier, new, before, left or {}, config)
    if facts is None:
        facts = stage.measure(store.read(parent), store.read(version), config)
    store.add_facts(facts)
