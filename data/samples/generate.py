"""Makes the sample: `python -m data.samples.generate --seed 7 --out data/samples`.

The same seed gives the same bytes.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from typing import Any

from data.samples.benchmark import benchmark_items, plant_benchmark
from data.samples.catalogue import load_catalogue
from data.samples.duplicates import plant_duplicates
from data.samples.faults import damaged, plant_broken, plant_low_quality
from data.samples.personal import plant_personal
from data.samples.rows import Row, clean_rows, unseen_rows

SEED = 7
# Rows whose licence nobody noted.
UNLICENSED = 15


def make(seed: int) -> dict[str, bytes]:
    """The files of the sample: name -> content."""
    rng = random.Random(seed)
    catalogue = load_catalogue(rng)
    clean = clean_rows(catalogue, rng)
    unseen = unseen_rows(catalogue, rng)
    items = benchmark_items(catalogue, rng)
    copies = plant_duplicates(clean, rng)
    copied = {id(row.partner) for row in copies}
    # Other plants go into rows that were not copied: a plant has one kind.
    untouched = [row for row in clean if id(row) not in copied]
    faults = [
        *plant_low_quality(untouched, rng), *plant_broken(untouched, rng), *plant_benchmark(untouched, items, rng)
    ]  # fmt: skip
    plant_personal([row for row in untouched if row.task == "email"], rng)
    rows = [*clean, *copies, *faults]
    for row in rng.sample(clean, UNLICENSED):
        del row.columns["licence"]
    rng.shuffle(rows)
    lines = {id(row): place for place, row in enumerate(rows, 1)}
    return {
        "marketing.jsonl": b"".join(_line(row, f"m{lines[id(row)]:05d}") + b"\n" for row in rows),
        "unseen_template.jsonl": b"".join(
            _line(row, f"u{place:05d}") + b"\n" for place, row in enumerate(unseen, 1)
        ),
        "benchmark.jsonl": _json_lines(items),
        "planted.jsonl": _json_lines(_plants(rows, lines)),
    }


def _line(row: Row, name: str) -> bytes:
    messages = [
        {"role": "system", "content": row.system},
        {"role": "user", "content": row.user},
        {"role": "assistant", "content": row.answer},
    ]
    about = {
        "id": name,
        "task": row.task,
        "campaign": row.campaign.id,
        "template": row.brief.template,
        **row.columns,
    }
    line = json.dumps({"messages": messages, **about}, ensure_ascii=False)
    return damaged(line, row.damage) if row.damage else line.encode()


def _plants(rows: list[Row], lines: dict[int, int]) -> list[dict[str, Any]]:
    found = []
    for row in rows:
        for plant in row.plants:
            partner = {"partner_line": lines[id(row.partner)]} if row.partner is not None else {}
            found.append({**plant, "line": lines[id(row)], **partner})
    return found


def _json_lines(values: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values).encode()


def main() -> None:
    """Write the files of the sample."""
    parser = argparse.ArgumentParser(
        prog="python -m data.samples.generate", description="Make the sample anew."
    )
    parser.add_argument("--seed", type=int, default=SEED, help="default %(default)s")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="default: this folder")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name, content in make(options.seed).items():
        (options.out / name).write_bytes(content)


if __name__ == "__main__":
    main()
