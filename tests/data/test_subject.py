"""`subject`, `reveal` and `forget`: what is said of each value, and hints that the command itself understands."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conf.app import compose
from curation.config import CurationConfig
from curation.pipeline import run_pipeline
from data.__main__ import main
from data.key import Key
from data.sealing import Sealer
from data.store import Store
from data.vault import Vault

ROOT = Path(__file__).parents[2]
NAME, MAIL, OTHER = "Ottoline Vandersteen", "ottoline.v@forgetme-example.org", "Işıl Yıldırım"
KEY = "an example of a key that is long enough 0123456789"
FAST = ["pii=patterns", "outliers=off", "dedup=off", "quality=off", "split.test=0.2", "pii.operator=hash"]
BECAUSE = ("--because", "complaint 1")


def rows() -> list[dict[str, Any]]:
    made = [
        {
            "prompt": f"Question {n}: when does parcel {n} arrive?",
            "completion": f"It arrives on day {n}, at last.",
        }
        for n in range(12)
    ]
    made[1]["prompt"] += f" I am {NAME}."
    made[2]["prompt"] += f" I am {NAME}, write to {MAIL}."
    made[5]["completion"] += f" Write to {MAIL}."
    made[6]["completion"] += " IŞIL YILDIRIM"
    made[7]["completion"] += " ışıl yıldırım"
    return made


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with raw data and a store whose originals are in a vault beside it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUNEPROOF_PII_KEY", KEY)
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    Path("raw.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows()))
    Vault.create("store.vault", Key(KEY)).close()
    config = compose("curation", CurationConfig, [*FAST, "source.path=raw.jsonl", "pii.vault=store.vault"])
    with Store.open("store.duckdb") as store:
        run_pipeline(store, config)
    return tmp_path


def ask(*words: str) -> int:
    return main(["--store", "store.duckdb", *words])


def test_each_of_several_values_has_an_account_and_none_is_printed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask("export", "latest", "out.jsonl") == 0
    with Store.open("store.duckdb", read_only=True) as store:
        (fifth,) = store.query("SELECT record_id FROM records WHERE line = 6")["record_id"]
    capsys.readouterr()
    asked = (NAME, MAIL, "Nobody Atall", fifth)
    assert ask("subject", *asked) == 0
    said = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in said.splitlines()]
    # The name stands in two rows of the raw file and of the export; the address only in the raw file and the vault.
    assert "value 1 2 records 4 other places" in lines
    assert "value 2 2 records 4 other places" in lines
    assert "value 3 0 records 0 other places" in lines
    assert "value 4 1 record 0 other places" in lines
    assert not any(value in said for value in asked[:3])
    assert ask("subject", *asked, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [entry["records"] for entry in found["by_value"]] == [2, 2, 0, 1]
    assert found["by_value"][1] == {
        "value": 2, "records": 2, "rows": 0, "answers": 0, "mentions": 2, "vault_entries": 2
    }  # fmt: skip
    assert len(found["records"]) == 3
    assert ask("subject", NAME) == 0
    assert "value 1" not in capsys.readouterr().out


def test_one_is_not_plural(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Store.open("store.duckdb", read_only=True) as store:
        (second,) = store.query("SELECT record_id FROM records WHERE line = 2")["record_id"]
    assert ask("subject", second) == 0
    assert "1 record (1 by id)" in capsys.readouterr().out
    assert ask("forget", second, "--yes") == 0
    said = capsys.readouterr().out
    assert "of 1 record (e-" in said
    (certificate,) = Path("runs/erasures").glob("*.html")
    for one in ("1 records", "1 texts", "1 files", "1 mentions", "1 places", "1 originals"):
        assert one not in said
        assert f" {one}" not in certificate.read_text()


def test_a_part_of_a_name_in_the_vault_is_perhaps_theirs(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store.open("store.duckdb", read_only=True) as store:
        (third,) = store.query("SELECT record_id FROM records WHERE line = 4")["record_id"]
    sealed = Sealer(Key(KEY)).seal("PERSON", "Vandersteen", "Minihan", message=0, start=0, end=7)
    with Vault.open("store.vault", Key(KEY)) as vault:
        vault.add([(third, "h", [sealed])])
    assert ask("subject", NAME, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["records"]) == 2 and found["perhaps_records"] == [third]
    assert ask("subject", NAME) == 0
    assert (
        f"perhaps: 1 record of which the vault has only a part of a name; look, and ask by the id: {third}"
        in (" ".join(capsys.readouterr().out.split()))
    )


def test_a_turkish_name_is_asked_for_in_any_case(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in (OTHER, OTHER.upper(), "işil yildirim", "IŞIL YILDIRIM".lower()):
        capsys.readouterr()
        assert ask("subject", name, "--json") == 0
        assert len(json.loads(capsys.readouterr().out)["records"]) == 2, name


def test_purged_texts_cannot_be_searched_only_where_no_vault_was_asked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask("purge", "--yes") == 0
    capsys.readouterr()
    assert ask("subject", MAIL) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "2 records (2 by vault)" in said
    assert "was looked for in the vault" in said and "cannot be searched" not in said
    Path("store.vault").rename("away.vault")
    assert ask("subject", MAIL) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "purged before: 2 texts; without a vault, what was replaced in them cannot be searched" in said
    assert "not where the store knows it: store.vault" in said


def test_a_compressed_export_is_written_found_and_rewritten(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = Path("out.jsonl.gz")
    assert ask("export", "latest", str(file)) == ask("export", "latest", "plain.jsonl") == 0
    assert gzip.decompress(file.read_bytes()) == Path("plain.jsonl").read_bytes()
    before = file.read_bytes()
    assert ask("export", "latest", str(file), "--force") == 0
    assert file.read_bytes() == before  # no time of day in it
    assert ask("export", "latest", "out.csv.gz") == 2
    capsys.readouterr()
    assert ask("subject", NAME, "--json") == 0
    files = {Path(f["path"]).name: f for f in json.loads(capsys.readouterr().out)["files"]}
    assert [files[file.name][what] for what in ("kind", "records", "mentions")] == ["export", 2, 2]
    assert ask("forget", NAME, "--yes") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert said.count("rewritten without 2 rows") == 2
    left = gzip.decompress(file.read_bytes())
    assert len(left.splitlines()) == 10 and b"Vandersteen" not in left
    assert left == Path("plain.jsonl").read_bytes()
    assert not list(folder.glob("*.part"))


def test_an_export_that_is_damaged_is_named_and_left(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = Path("out.jsonl.gz")
    assert ask("export", "latest", str(file)) == 0
    file.write_bytes(file.read_bytes()[:-20])
    capsys.readouterr()
    assert ask("subject", "Nobody Atall") == 0
    assert "not read to its end: EOFError" in capsys.readouterr().out
    assert ask("forget", "Nobody Atall", "--yes") == 0
    assert "nothing was erased" in capsys.readouterr().out
    assert ask("forget", NAME, "--yes") == 0
    (certificate,) = Path("runs/erasures").glob("*.json")
    undone = json.loads(certificate.read_text())["not_done"]
    assert any("out.jsonl.gz: could not be rewritten: EOFError" in said for said in undone)


def test_what_was_asked_for_is_done_although_nobody_reads_the_output(folder: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    for words in (
        ("export", "latest", "out.jsonl"),
        ("backup", "copy.duckdb"),
        ("purge", "--yes"),
        ("forget", NAME, "--yes"),
    ):
        command = [sys.executable, "-m", "data", "--store", "store.duckdb", *words]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        ran = subprocess.run(
            command, stdout=writing, stderr=subprocess.PIPE, env=environment, text=True, check=False
        )
        assert (ran.returncode, ran.stderr) == (0, "")
    os.close(writing)
    with Store.open("store.duckdb", read_only=True) as store:
        assert {kind for kind, _, _ in store.noted_places()} == {"export", "backup"}
        assert [(e.kind, e.status) for e in store.erasures()] == [("purge", "done"), ("forget", "done")]
    assert len(list(Path("runs/erasures").glob("*.json"))) == 1
    assert NAME not in Path("out.jsonl").read_text()


COMMANDS = [("subject", MAIL), ("forget", MAIL), ("reveal", "<EMAIL>", *BECAUSE), ("vault", "show")]


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What the command says against it; never a key of a configuration, nor how to make a new vault."""
    capsys.readouterr()
    assert ask(*words) == 2
    said = capsys.readouterr().err
    assert not any(key in said for key in ("pii.key_file", "pii.vault", "store.path", "vault init"))
    return said


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_hints_name_options_and_the_own_key_and_vault(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("TUNEPROOF_PII_KEY", KEY[::-1])
    said = refused(capsys, *words)
    assert "wrong key" in said and "give the vault's own key: --key-file FILE" in said
    monkeypatch.setenv("TUNEPROOF_PII_KEY", "short")
    assert "the key with which the vault was made" in refused(capsys, *words)
    monkeypatch.delenv("TUNEPROOF_PII_KEY")
    said = refused(capsys, *words)
    assert "name its file: --key-file FILE" in said and "the key with which the vault was made" in said
    said = refused(capsys, *words, "--key-file", "absent.key")
    assert "no key file absent.key" in said
    monkeypatch.setenv("TUNEPROOF_PII_KEY", KEY)
    said = refused(capsys, *words, "--vault", "absent.vault")
    assert "there is no vault at absent.vault\n  name the file: --vault FILE\n" in said
    assert "if it is lost, restore it from its copy" in said


def test_a_lost_vault_is_named_where_originals_are_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("store.vault").unlink()
    assert "there is no vault at store.vault" in refused(capsys, "reveal", "<EMAIL>", *BECAUSE)


def test_who_uses_the_store_is_to_end(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    holding = "import duckdb, sys; c = duckdb.connect('store.duckdb'); print(1, flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", holding], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline()
        for words in (("subject", MAIL), ("forget", MAIL, "--yes"), ("versions",)):
            said = refused(capsys, *words)
            assert f"in use by process {process.pid}" in said and "wait until it ends, or end it" in said
        process.communicate("")
