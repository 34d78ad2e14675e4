"""What is found never leaves the text: planted values are looked for in all that the commands write and print."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import audit.__main__
import curation.__main__
from audit.config import AuditConfig
from conf.app import compose
from curation.config import CurationConfig
from curation.pii import Operator
from data.__main__ import main as data_main
from data.errors import UserError
from data.key import load_key
from data.store import Store
from data.trouble import complain
from data.vault import Vault

SECRET = "k3Jd92-mmQpWz_81xLbTReUo0vYcHs5aGi7Nf4"
PLANTED = {
    "PERSON": "Leopold Hartigan",
    "EMAIL_ADDRESS": "zq.planted@quenmail.net",
    "PHONE_NUMBER": "(415) 867-5309",
    "CREDIT_CARD": "4111 1111 1111 1111",
    "IBAN_CODE": "DE89 3704 0044 0532 0130 00",
    "US_SSN": "536-90-4399",
    "SECRET": "AKIAQWERTYUIOPASDFGH",
}
# What is looked for: the values, and of the name each word.
VALUES = [*PLANTED.values(), "Leopold", "Hartigan", "zq.planted"]
Say = Callable[..., str]


def rows() -> list[dict[str, str]]:
    p = PLANTED
    personal = [
        (f"My name is {p['PERSON']} and my mail is {p['EMAIL_ADDRESS']}.", f"Dear {p['PERSON']}, thank you."),
        (
            f"Call {p['PERSON']} at {p['PHONE_NUMBER']} about the card {p['CREDIT_CARD']}.",
            "I called the number.",
        ),
        (
            f"Please send it to {p['IBAN_CODE']}, says {p['PERSON']}.",
            f"Sent; SSN {p['US_SSN']} was not needed.",
        ),
        (f"The key {p['SECRET']} does not work for {p['PERSON']}.", "Then make a new key in the console."),
    ]
    plain = [(f"What is {n} plus {n}?", f"It is {n + n}, since {n} and {n} make that.") for n in range(12)]
    return [{"prompt": prompt, "completion": answer} for prompt, answer in [*personal, *plain]]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNEPROOF_PII_KEY", SECRET)
    monkeypatch.setenv("TUNEPROOF_STORE", str(tmp_path / "w.duckdb"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "source").mkdir()
    lines = [json.dumps(row) for row in rows()]
    (tmp_path / "source" / "raw.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def say(capfd: pytest.CaptureFixture[str]) -> Iterator[Say]:
    """Runs a command and returns all that it printed; what is planted must never be in it."""

    def run(command: str, *words: str) -> str:
        try:
            if command == "data":
                data_main([*words])
            elif command == "curation":
                curation.__main__.run(compose("curation", CurationConfig, [*words]))
            else:
                audit.__main__.run(compose("audit", AuditConfig, [*words]))
        except UserError as error:
            complain(error)
        printed = capfd.readouterr()
        text = printed.out + printed.err
        assert_clean(text.encode(), f"{command} {words[0]}")
        return text

    yield run


def assert_clean(content: bytes, where: str) -> None:
    lowered = content.lower()
    for value in VALUES:
        for written in (value, json.dumps(value)[1:-1], value.replace(" ", "")):
            assert written.lower().encode() not in lowered, f"a planted value is in {where}"
    assert SECRET.encode() not in content, f"the key is in {where}"


def assert_files_clean(folder: Path, *, but: tuple[str, ...] = ("source", "w.duckdb")) -> list[str]:
    seen = []
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_file() and not name.startswith(but):
            assert_clean(path.read_bytes(), name)
            seen.append(name)
    return seen


def assert_tables_clean(store: Store) -> None:
    """Every table but that of texts, which holds the originals until a purge."""
    tables = store.query("SELECT table_name FROM information_schema.tables ORDER BY 1")[
        "table_name"
    ].to_list()
    assert {"facts", "verdicts", "versions", "rejects", "records"} <= set(tables)
    for table in tables:
        if table not in ("texts", "sketches"):
            assert_clean(store.query(f'SELECT * FROM "{table}"').write_ndjson().encode(), f"table {table}")


CURATION = ("source.path=source/raw.jsonl", "out=rejects", "dedup=off", "outliers=off")


def test_planted_values_are_found_at_all() -> None:
    """Else the rest of this file would say nothing."""
    from curation.pii import PiiConfig, judge
    from data.records import FrameRecords

    records = FrameRecords.of(
        *(
            {
                "messages": [
                    {"role": "user", "content": r["prompt"]},
                    {"role": "assistant", "content": r["completion"]},
                ]
            }
            for r in rows()
        )
    )
    said = judge(records, PiiConfig())
    detail = " ".join(said["detail"].drop_nulls().to_list())
    assert all(kind in detail for kind in PLANTED), detail
    assert_clean(json.dumps(said.drop("sealed").to_dicts()).encode(), "the verdicts")


@pytest.mark.parametrize(
    "operator",
    [
        Operator.pseudonym,
        Operator.surrogate,
        Operator.partial,
        pytest.param(Operator.placeholder, marks=pytest.mark.slow),
        pytest.param(Operator.numbered, marks=pytest.mark.slow),
        pytest.param(Operator.redact, marks=pytest.mark.slow),
        pytest.param(Operator.hash, marks=pytest.mark.slow),
    ],
)
def test_no_artifact_of_a_curation_and_an_audit_holds_a_value(
    operator: Operator, tmp_path: Path, say: Say
) -> None:
    with Vault.create("w.vault", load_key()):
        pass
    overrides = (*CURATION, f"pii.operator={operator}", "pii.vault=w.vault")
    say("curation", *overrides)
    say("audit", "out=report", "check=PII-001")
    for words in (
        ["show", "latest", "--rows", "20"],
        ["facts"],
        ["versions"],
        ["overview"],
        ["vault", "show"],
    ):
        say("data", *words)
    say("data", "export", "latest", "out.jsonl")
    say("data", "export", "latest", "out.parquet")
    with Store.open("w.duckdb", read_only=True) as store:
        assert_tables_clean(store)
        pii = next(v for v in store.versions() if v.stage == "pii")
        assert pii.edited == 4
        ids = store.verdicts(pii.version)["record_id"].to_list()
        assert store.facts(name="PII-001")["value"].to_list()[0] == 0.0  # made-up values are not found ones
        assert Vault.open("w.vault", load_key()).id in pii.code and load_key().fingerprint in pii.code
    for record in ids:
        say("data", "why", record)
    seen = assert_files_clean(tmp_path)
    assert {"out.jsonl", "out.parquet", "w.vault", "report/audit.html", "report/audit.json"} <= set(seen)
    exported = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert len(exported) == 16
    assert say("curation", *overrides).count("reused") >= 3  # the same command again costs nothing


def test_a_dry_run_shows_samples_without_values(tmp_path: Path, say: Say) -> None:
    with Vault.create("w.vault", load_key()):
        before = Path("w.vault").read_bytes()
    words = (*CURATION, "dry_run=true", "pii.operator=surrogate", "pii.vault=w.vault", "samples=20")
    shown = say("curation", *words)
    assert "pii_masked" in shown and "<PERSON>" in shown
    assert assert_files_clean(tmp_path) == ["w.vault"]
    assert Path("w.vault").read_bytes() == before


def test_bad_rows_and_bad_settings_say_no_value(tmp_path: Path, say: Say) -> None:
    p = PLANTED
    bad = [
        '{"prompt": "I am ' + p["PERSON"],
        json.dumps({"question about": p["EMAIL_ADDRESS"], "other": p["PHONE_NUMBER"]}),
        json.dumps({"prompt": f"{p['PERSON']}?", "completion": ""}),
        json.dumps({"prompt": 5, "completion": [p["CREDIT_CARD"]]}),
        json.dumps([p["IBAN_CODE"]]),
        f"{p['SECRET']} is no JSON",
    ]
    good = [json.dumps(row) for row in rows()]
    Path("source/bad.jsonl").write_text("\n".join([*good, *bad]) + "\n", encoding="utf-8")
    bad_source = ("source.path=source/bad.jsonl", *CURATION[1:], "pii.engine=patterns")
    assert "error" in say("curation", *bad_source)
    say("curation", *bad_source, "source.max_reject_fraction=0.9")
    Path("source/bytes.jsonl").write_bytes(p["PERSON"].encode() + b"\xff\xfe" + p["EMAIL_ADDRESS"].encode())
    say("curation", "source.path=source/bytes.jsonl", *CURATION[1:])
    chat = [json.dumps({"messages": [{"role": p["PERSON"], "content": p["US_SSN"]}, p["PERSON"]]})]
    Path("source/chat.jsonl").write_text("\n".join(chat), encoding="utf-8")
    assert "error" in say("curation", "source.path=source/chat.jsonl", *CURATION[1:])
    # The first line of a file without a header is no list of names.
    Path("source/headerless.csv").write_text(f"{p['PERSON']},{p['EMAIL_ADDRESS']}\nx,y\n", encoding="utf-8")
    assert "look like the values" in say("curation", "source.path=source/headerless.csv", *CURATION[1:])
    say("curation", "source.path=source/headerless.csv", "source.fields.text=body", *CURATION[1:])
    Path("source/twice.csv").write_text(f"{p['PERSON']},{p['PERSON']}\nx,y\n", encoding="utf-8")
    assert "the same name" in say("curation", "source.path=source/twice.csv", *CURATION[1:])
    for wrong in (
        "pii.threshold=2",
        "pii.operators={PERSN:hash}",
        "pii.vault=nowhere.vault",
        "pii.key_file=nowhere.key",
    ):
        words = (*CURATION, wrong, "pii.operator=hash") if "nowhere" in wrong else (*CURATION, wrong)
        with pytest.MonkeyPatch.context() as patch:
            if "key" in wrong:
                patch.delenv("TUNEPROOF_PII_KEY")
            assert say_error(say, *words)
    assert [name for name in assert_files_clean(tmp_path) if name.startswith("rejects/")]
    with Store.open("w.duckdb", read_only=True) as store:
        assert store.query("SELECT count(*) AS n FROM rejects")["n"].item() >= 4
        assert_tables_clean(store)


def say_error(say: Say, *words: str) -> bool:
    return "error:" in say("curation", *words)


def test_the_vault_reveals_with_a_reason_and_writes_it_down(
    say: Say, capfd: pytest.CaptureFixture[str]
) -> None:
    with Vault.create("w.vault", load_key()):
        pass
    say("curation", *CURATION, "pii.operator=pseudonym", "pii.vault=w.vault")
    with Vault.open("w.vault", load_key()) as vault:
        (record, *_) = vault.records(PLANTED["EMAIL_ADDRESS"])
        token = next(entry.token for entry in vault.entries(record) if entry.entity == "PERSON")
    assert "for a reason only" in say("data", "reveal", token)
    assert data_main(["reveal", token, "--because", "complaint 17"]) == 0
    shown = capfd.readouterr().out
    assert PLANTED["PERSON"] in shown and "EMAIL" not in shown
    assert data_main(["reveal", record, "--because", "complaint 18"]) == 0
    assert PLANTED["EMAIL_ADDRESS"] in capfd.readouterr().out
    log = say("data", "vault", "log")
    assert "complaint 17" in log and "complaint 18" in log and token in log
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNEPROOF_PII_KEY", SECRET[::-1])
        assert "wrong key" in say("data", "reveal", token, "--because", "x")
        assert "wrong key" in say("curation", *CURATION, "pii.operator=pseudonym", "pii.vault=w.vault")
    Path("w.vault").write_bytes(Path("w.vault").read_bytes()[:3000])
    assert "damaged" in say("data", "reveal", token, "--because", "x")
    Path("w.vault").unlink()
    assert "there is no vault" in say("data", "reveal", token, "--because", "x")


def test_a_crash_between_vault_and_store_leaves_no_version_without_entries(
    monkeypatch: pytest.MonkeyPatch, say: Say
) -> None:
    with Vault.create("w.vault", load_key()):
        pass
    overrides = (*CURATION, "pii.operator=pseudonym", "pii.engine=patterns", "pii.vault=w.vault", "split=off")
    whole = Store.apply

    def dying(self: Store, version: str, **said: object) -> str:
        if said["stage"] == "pii":
            raise KeyboardInterrupt
        return whole(self, version, **said)  # type: ignore[arg-type]

    monkeypatch.setattr(Store, "apply", dying)
    with pytest.raises(KeyboardInterrupt):
        say("curation", *overrides)
    monkeypatch.setattr(Store, "apply", whole)
    with Store.open("w.duckdb", read_only=True) as store, Vault.open("w.vault", load_key()) as vault:
        assert all(v.stage != "pii" for v in store.versions())
        first = vault.counts()
        assert first["EMAIL_ADDRESS"] == 1
    say("curation", *overrides)
    with Store.open("w.duckdb", read_only=True) as store, Vault.open("w.vault", load_key()) as vault:
        assert store.version("latest").stage == "pii"
        assert vault.counts() == first
        held = set(store.read("latest").frame("text_hash").collect()["text_hash"].to_list())
        assert {e.text_hash for e in vault.find(PLANTED["EMAIL_ADDRESS"])} <= held


def test_the_stage_on_its_own_result_changes_nothing(say: Say) -> None:
    """Through the store: the places of made-up names are recorded there."""
    from curation.pii import judge
    from curation.pii.config import PiiConfig

    say("curation", *CURATION, "pii.operator=surrogate")
    with Store.open("w.duckdb", read_only=True) as store:
        assert judge(store.read("latest"), PiiConfig(operator=Operator.surrogate)).is_empty()
        assert judge(store.read("latest"), PiiConfig()).is_empty()


def test_after_a_purge_the_store_holds_no_value(tmp_path: Path, say: Say) -> None:
    say("curation", *CURATION, "pii.operator=surrogate")
    assert any(PLANTED["EMAIL_ADDRESS"].encode() in path.read_bytes() for path in tmp_path.glob("w.duckdb*"))
    say("data", "purge", "--yes")
    assert_files_clean(tmp_path, but=("source",))


def test_sqlite_reads_no_original_from_the_vault(say: Say) -> None:
    with Vault.create("w.vault", load_key()):
        pass
    say("curation", *CURATION, "pii.operator=placeholder", "pii.vault=w.vault")
    dump = "\n".join(sqlite3.connect("w.vault").iterdump())
    assert dump.count('INSERT INTO "places"') >= 10
    assert_clean(dump.encode(), "the vault")


def test_a_sample_is_masked_before_it_is_cut() -> None:
    from curation.dry_run import SAMPLE_CHARS, hidden

    config = compose("curation", CurationConfig, ["pii.engine=patterns"])
    text = "x" * (SAMPLE_CHARS - 12) + f" {PLANTED['EMAIL_ADDRESS']}"
    assert "zq" not in hidden([text], config)[0]
