"""What the split certified, what each evaluation task found and what a licence policy did, as the report tells it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from audit.chapters import quality_blocks, source_blocks
from audit.checks import run_checks, selected
from audit.config import AuditConfig
from audit.context import Context
from audit.report import reproduce
from conf.app import StoreConfig
from curation.decontaminate import DecontaminateConfig
from curation.licence import LicenceConfig
from curation.pipeline import run_stage
from curation.split.config import SplitConfig
from curation.stages import STAGES
from data.facts import Fact
from data.report import Block, Callout, Cell, Table

MakeRows = Callable[[int], list[dict[str, Any]]]


def audited(workshop: Any, check: str, **settings: Any) -> list[Fact]:
    return run_checks(Context.of(workshop.store, AuditConfig(**settings)), selected([check]))


def tables(blocks: Sequence[Block], first: str) -> list[Table]:
    return [block for block in blocks if isinstance(block, Table) and block.columns[0] == first]


def test_evaluation_items_are_counted_by_task(workshop: Any, many_rows: MakeRows, tmp_path: Path) -> None:
    rows = many_rows(60)
    for name, chosen in {"quiz": (3, 40), "rare": (7,), "clean": ()}.items():
        asked = [rows[i]["prompt"] for i in chosen] or [
            "Who sold nine green boats to the keeper of the harbour?"
        ]
        lines = [json.dumps({"question": question}) for question in asked]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    files = [str(tmp_path / f"{name}.jsonl") for name in ("quiz", "rare", "clean")]
    raw = workshop.ingest([*rows, {**rows[40], "completion": "Another answer to the same."}])
    run_stage(workshop.store, raw, STAGES["decontaminate"], DecontaminateConfig(against=files[:1]))

    facts = audited(workshop, "QUA-002", evaluation_files=files)
    assert (facts[0].detail["rows"], facts[0].outcome) == (1, "FAIL")
    counted = {fact.slice: fact.detail for fact in facts[1:]}
    assert list(counted) == ["task=clean", "task=quiz", "task=rare"]
    assert counted["task=quiz"] == {
        "task": "quiz",
        "items": 2,
        "rows": 0,
        "curation": 3,
        "rules": {"exact": 3},
    }
    assert counted["task=rare"] == {"task": "rare", "items": 1, "rows": 1, "curation": 0, "rules": {}}
    (table,) = tables(quality_blocks({"QUA-002": facts}), "Evaluation task")
    assert [(row[0], row[1], row[3]) for row in table.rows] == [
        ("clean", 1, 0),
        ("quiz", 2, 0),
        ("rare", 1, 1),
    ]
    assert table.rows[1][2] == Cell(3, note="exact 3")
    assert table.columns[2] == "Rows removed by curation"

    run_stage(workshop.store, raw, STAGES["decontaminate"], DecontaminateConfig(against=files, action="tag"))  # type: ignore[arg-type]
    (table,) = tables(quality_blocks({"QUA-002": audited(workshop, "QUA-002")}), "Evaluation task")
    assert table.columns[2] == "Rows noted by curation"
    assert [row[3] for row in table.rows] == [0, 3, 1]


def test_the_splits_certificate_is_told(workshop: Any, many_rows: MakeRows) -> None:
    version = run_stage(
        workshop.store, workshop.ingest(many_rows(300)), STAGES["split"], SplitConfig()
    ).version
    facts = audited(workshop, "QUA-001")
    (told,) = (
        block
        for block in quality_blocks({"QUA-001": facts})
        if isinstance(block, Callout) and block.title == "Certificate of the split"
    )
    assert told.outcome == "PASS"
    assert told.text.startswith("When the split was made, each of its 300 rows was compared with all others")
    assert "0 pairs of rows in different splits with a Jaccard similarity of 0.7 or more" in told.text
    assert version in told.text


def test_a_split_that_certified_nothing_is_not_told(workshop: Any, many_rows: MakeRows) -> None:
    workshop.ingest(many_rows(300))
    workshop.split(lambda row: "train" if row["line"] % 4 else "test")
    blocks = quality_blocks({"QUA-001": audited(workshop, "QUA-001")})
    assert not [block for block in blocks if isinstance(block, Callout) and "Certificate" in block.title]


def test_licences_are_told_as_spdx_with_what_the_policy_did(workshop: Any, many_rows: MakeRows) -> None:
    stated = ["MIT", "The MIT License", "CC BY", "my own terms", "CC-BY-NC-4.0", "nan"]
    raw = workshop.ingest([{**row, "licence": stated[i % 6]} for i, row in enumerate(many_rows(60))])
    (fact,) = audited(workshop, "SRC-001")
    assert fact.detail["policy"] is None
    assert fact.value == 5 / 6  # `nan` is none
    config = LicenceConfig(enabled=True, deny=["GPL-3.0-only"])
    version = run_stage(workshop.store, raw, STAGES["licence"], config).version
    (fact,) = audited(workshop, "SRC-001")
    _, table, policy = source_blocks({"SRC-001": [fact]})
    assert isinstance(table, Table)
    assert isinstance(policy, Callout)
    cells = [row[1] if isinstance(row[1], Cell) else Cell(row[1]) for row in table.rows]
    assert {cell.text: cell.note for cell in cells} == {
        "MIT": "",
        "The MIT License": "MIT",
        "CC BY": "no SPDX expression, or its version is missing",
        "my own terms": "no SPDX expression, or its version is missing",
        "not stated": "",
    }
    assert policy.text == (
        "Licences were judged by the policy 'commercial'; deny: GPL-3.0-only. Left out: 10 rows (incompatible); "
        "noted: 10 rows (missing); noted: 20 rows (unknown). Stated licences are taken as true. "
        f"Version {version}."
    )


def test_the_commands_name_the_store_of_the_report(workshop: Any, many_rows: MakeRows) -> None:
    version = workshop.ingest(many_rows(40))
    elsewhere = AuditConfig(store=StoreConfig(path="my store.duckdb"))
    for config, option in ((AuditConfig(), ""), (elsewhere, " --store 'my store.duckdb'")):
        said = reproduce(Context.of(workshop.store, config), selected([]))
        assert said[1].startswith(f"python -m data{option} facts {version} ")
        assert said[2].startswith(f"python -m data{option} show {version} ")
