"""What a process had in hand does not get into the store's file: DuckDB leaves old memory in the gaps of its blocks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from data.anew import renew
from data.errors import StoreError
from data.runs import Run
from data.store import Store

ROOT = Path(__file__).parents[2]
# A name that is asked for while rows without it are written.
WRITER = """
import sys
from data.store import Store
name = "Ottoline" + "Vandersteen"
lengths = (1, 2, 5, 10, 20, 40, 80, 140, 290, 600, 1200, 4000, 9000, 18000)


def ask(connection):
    for length in lengths:
        what = [name * length, name, name * length]
        connection.execute("SELECT regexp_matches(?, ?), ? || i FROM range(300) t(i)", what).fetchall()


with Store.open(sys.argv[1]) as store:
    for kept in (
        "texts SELECT 'h' || i, [{role: 'user', content: repeat('kept ', 1 + i % 60)}] FROM range(3000) t(i)",
        "records BY NAME SELECT 'h' || i AS record_id, '{}' AS metadata FROM range(3000) t(i)",
        "sketches SELECT 'k', 'h' || i, repeat('ab', 300)::BLOB FROM range(1000) t(i)",
    ):
        ask(store.connection)
        store.connection.execute(f"INSERT INTO {kept}")
    ask(store.connection)
    store.connection.execute("CHECKPOINT")
"""


def written(path: Path, **environment: str) -> bool:
    """Whether the name is in the file that a process of its own wrote."""
    path.unlink(missing_ok=True)
    subprocess.run(
        [sys.executable, "-c", WRITER, str(path)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment}, check=True,
    )  # fmt: skip
    return b"Vandersteen" in path.read_bytes()


@pytest.mark.skipif(sys.platform != "linux", reason="DuckDB brings its own allocator on Linux only")
def test_what_was_asked_is_not_in_the_file_and_another_process_takes_it_out(tmp_path: Path) -> None:
    assert not written(tmp_path / "cleared.duckdb")
    # The control: without it DuckDB does that, and the file written anew is without it all the same.
    dirty = tmp_path / "dirty.duckdb"
    assert any(written(dirty, DUCKDB_JE_MALLOC_CONF="zero:false") for _ in range(3))
    renew(dirty)
    assert b"Vandersteen" not in dirty.read_bytes()
    assert [p.name for p in tmp_path.iterdir() if "anew" in p.name] == []
    with Store.open(dirty, read_only=True) as store:
        assert store.query("SELECT count(*) AS n FROM texts")["n"].item() == 3000


def test_a_store_written_anew_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "it's.duckdb"
    with Store.open(path) as store:
        store.save_run(
            Run(run_id="run-000000000001", version="v-1", model="m", method="lora", config={}, seed=1)
        )
        before = {t: store.query(f"FROM {t}") for (t,) in tables(store)}
        numbered = store.query("SELECT nextval('used_number') AS n")["n"].item()
    renew(path)
    with Store.open(path) as store:
        assert {t: store.query(f"FROM {t}") for (t,) in tables(store)}.keys() == before.keys()
        assert all(store.query(f"FROM {t}").equals(frame) for t, frame in before.items())
        assert store.query("SELECT nextval('used_number') AS n")["n"].item() == numbered + 1


def test_where_it_cannot_be_written_the_store_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "store.duckdb"
    Store.open(path).close()
    before = path.read_bytes()
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(StoreError, match="could not be written anew"):
        renew(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["store.duckdb"]


def tables(store: Store) -> list[tuple[str]]:
    return store.query(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND NOT temporary"
    ).rows()
