"""A dry run: every stage on a temporary store, and samples of what it would do, with personal data hidden."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.markup import escape

from curation.config import CurationConfig
from curation.pii.finding import Finding
from curation.pipeline import run_pipeline
from curation.steps import Step
from curation.summary import show
from data.store import Store

SAMPLE_CHARS = 160


def dry_run(config: CurationConfig, console: Console) -> None:
    """Show the closing table and samples of each reason; the real store is neither read nor written."""
    with (
        tempfile.TemporaryDirectory(prefix="tuneproof-") as folder,
        Store.open(Path(folder) / "dry.duckdb") as store,
    ):
        # The vault is not the dry run's either.
        config = replace(config, pii=replace(config.pii, vault=""))
        steps = run_pipeline(store, config)
        for step in steps[1:]:
            _samples(store, step, config, console)
        show(store, steps, config, console)
        console.print("[bold]dry run: nothing was written[/]; the same command without dry_run=true does it")


def _samples(store: Store, step: Step, config: CurationConfig, console: Console) -> None:
    parent = store.version(step.version).parent
    found = store.query(
        """
        SELECT d.action, d.reason, d.record_id, d.score, d.partner, d.detail,
            array_to_string([x.content FOR x IN t.messages], ' | ') AS text
        FROM verdicts d JOIN members m ON m.record_id = d.record_id AND m.version = ?
        JOIN texts t ON t.text_hash = m.text_hash
        WHERE d.version = ? AND d.action != 'assign'
        QUALIFY row_number() OVER (PARTITION BY d.reason ORDER BY d.record_id) <= ?
        ORDER BY d.action, d.reason, d.record_id
        """,
        [parent, step.version, config.samples],
    )
    if found.is_empty():
        return
    texts = hidden(found["text"].to_list(), config)
    console.print(f"[bold]{step.stage}[/] would:")
    for row, text in zip(found.with_columns(pl.col("score").round(3)).to_dicts(), texts, strict=True):
        facts = [f"score {row['score']}" if row["score"] is not None else "", row["detail"] or ""]
        facts += [f"because of {row['partner']}" if row["partner"] else ""]
        about = "; ".join(fact for fact in facts if fact)
        console.print(
            f"  {row['action']} {row['record_id']}  {row['reason']}  {escape(about)}", highlight=False
        )
        console.print(f"    [dim]{escape(text)}[/]", highlight=False)


def hidden(texts: list[str], config: CurationConfig) -> list[str]:
    """The beginnings of texts, on one line each, with personal data replaced by its type."""
    # Masked before it is cut: half an address is no address for a detector.
    return [" ".join(text.split())[:SAMPLE_CHARS] for text in masked(texts, config)]


def masked(texts: list[str], config: CurationConfig) -> list[str]:
    """Texts with personal data replaced by its type, by the configured detector (by patterns, where it is off)."""
    from curation.pii.config import Engine
    from curation.pii.detect import scan

    detector = config.pii if config.pii.enabled else replace(config.pii, enabled=True, engine=Engine.patterns)
    return [_masked(text, findings) for text, findings in zip(texts, scan(texts, detector), strict=True)]


def _masked(text: str, findings: list[Finding]) -> str:
    for finding in sorted(findings, key=lambda f: -f.start):
        text = text[: finding.start] + f"<{finding.type}>" + text[finding.end :]
    return text
