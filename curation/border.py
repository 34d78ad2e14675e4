"""The doubtful cases: pairs whose similarity is nearest the threshold, side by side, with their words compared."""

from __future__ import annotations

import difflib

from rich.console import Console
from rich.table import Table
from rich.text import Text

from conf.app import restored
from curation.config import CurationConfig
from curation.dedup.config import DedupConfig
from curation.dry_run import masked
from curation.rethreshold import dedup_of
from data.commands import spelt
from data.store import Store

CHARS = 600


def show_border(store: Store, config: CurationConfig, console: Console) -> None:
    """Print `config.rows` pairs of the newest version's dedup step, nearest the threshold first.

    Personal data is hidden by the configured detector, since the step comes before its removal.
    """
    step = dedup_of(store.lineage("latest"))
    threshold = restored(DedupConfig, step.config).threshold
    pairs = store.query(
        """
        SELECT d.record_id, d.partner, d.action, d.score,
            array_to_string([x.content FOR x IN a.messages], chr(10)) AS own,
            array_to_string([x.content FOR x IN b.messages], chr(10)) AS other
        FROM verdicts d
        JOIN members m ON m.version = $1 AND m.record_id = d.record_id JOIN texts a ON a.text_hash = m.text_hash
        JOIN members p ON p.version = $1 AND p.record_id = d.partner JOIN texts b ON b.text_hash = p.text_hash
        WHERE d.version = $2 AND d.score IS NOT NULL
        ORDER BY abs(d.score - $3), d.record_id LIMIT $4
        """,
        [step.parent, step.version, threshold, config.rows],
    )
    if pairs.is_empty():
        console.print(f"{step.version}: no pair near the threshold {threshold} was stored")
        return
    # Masked before it is cut: half an address is no address for a detector.
    texts = [text[:CHARS] for text in masked([*pairs["own"], *pairs["other"]], config)]
    for number, pair in enumerate(pairs.to_dicts()):
        what = "removed" if pair["action"] == "drop" else "kept"
        left, right = compared(texts[number], texts[pairs.height + number])
        table = Table(show_edge=False, pad_edge=False, expand=True, title_justify="left")
        table.title = f"{pair['score']:.3f}  (threshold {threshold})"
        table.add_column(f"{what} {pair['record_id']}", ratio=1)
        table.add_column(f"kept {pair['partner']}", ratio=1)
        table.add_row(left, right)
        console.print(table)
        console.print()
    for said in (
        "bring one back: python -m curation undo=RECORD",
        "another threshold: python -m curation rethreshold=dedup dedup.threshold=0.85",
    ):
        console.print(spelt(said, config.store.path), style="dim", highlight=False, soft_wrap=True)


def compared(left: str, right: str) -> tuple[Text, Text]:
    """Both texts, words that only one of them has in bold colour (and bracketed, for those who see no colour)."""
    one, two = left.split(), right.split()
    marked = (Text(), Text())
    for tag, a, b, c, d in difflib.SequenceMatcher(None, one, two, autojunk=False).get_opcodes():
        for text, words, style in ((marked[0], one[a:b], "bold red"), (marked[1], two[c:d], "bold green")):
            if words:
                said = " ".join(words)
                text.append(f"{said} " if tag == "equal" else f"[{said}] ", "" if tag == "equal" else style)
    return marked
