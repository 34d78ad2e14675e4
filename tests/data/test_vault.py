"""The vault: found by blind index, opened by its key only, erased without a trace, and a log that only grows."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from data.errors import UserError, VaultError
from data.key import Key, load_key, new_key_file
from data.sealing import Sealed, Sealer
from data.vault import Vault

SECRET = "k3Jd92-mmQpWz_81xLbTReUo0vYcHs5aGi7Nf4"
OTHER = "another-secret-of-forty-characters-0123456"
WHY = "complaint 17"


@pytest.fixture
def key() -> Key:
    return Key(SECRET)


@pytest.fixture
def vault(tmp_path: Path, key: Key) -> Iterator[Vault]:
    with Vault.create(tmp_path / "a.vault", key) as made:
        fill(made, key)
        yield made


def fill(vault: Vault, key: Key) -> None:
    sealer = Sealer(key)

    def sealed(entity: str, original: str, token: str, start: int = 0) -> Sealed:
        return sealer.seal(entity, original, token, message=0, start=start, end=start + len(token))

    name, phone, mail = "PERSON", "PHONE_NUMBER", "EMAIL_ADDRESS"
    whole = sealed(name, "Zoltan Quibble", "Mark Brown")
    vault.add(
        [
            ("r1", "h1", [whole, sealed(phone, "+1 212-555-2368", "<P>", 20)]),
            (
                "r2",
                "h2",
                [sealed(name, "QUIBBLE, Zoltan", "BROWN, Mark"), sealed(name, "Zoltan", "Mark", 20)],
            ),
            ("r3", "h3", [whole, sealed(mail, "zq@quib.example", "m@x.example", 20)]),
            (
                "r4",
                "h4",
                [sealed(name, "Zoltan Other", "Mark Reed"), sealed(phone, "212 555 2368", "<P>", 20)],
            ),
        ]
    )


def test_a_person_is_found_in_every_spelling(vault: Vault) -> None:
    assert vault.records("Zoltan Quibble") == ["r1", "r2", "r3"]
    assert vault.records("quibble zoltán") == ["r1", "r2", "r3"]
    assert vault.records("Mr. Z. Zoltan Quibble") == ["r1", "r2", "r3"]
    assert vault.records("Quibbles") == []
    ways = {e.token: e.match for e in vault.find("Zoltan Quibble", parts=True)}
    assert ways == {"Mark Brown": "whole", "BROWN, Mark": "words", "Mark": "part"}
    assert vault.records("(212) 555-2368") == ["r1", "r4"]
    assert vault.records("ZQ@quib.example") == ["r3"]


TURKISH = {
    "as written": "Işıl Yılmaz",
    "small": "ışıl yılmaz",
    "capitals": "IŞIL YILMAZ",
    "small, as in English": "işil yilmaz",
    "the dot by itself": "İşıl Yılmaz".lower(),
}


def test_a_turkish_name_is_found_in_either_case_in_new_vaults_and_in_old_ones(
    tmp_path: Path, key: Key
) -> None:
    sealer = Sealer(key)
    with Vault.create(tmp_path / "t.vault", key) as vault:
        for number, name in enumerate(TURKISH.values()):
            one = sealer.seal("PERSON", name, "Mark Brown", message=0, start=number, end=number + 1)
            vault.add([(f"new{number}", "h", [one])])
        # As it was kept while ı was no i: the forms of "Işıl Yılmaz", "ışıl yılmaz", "IŞIL YILMAZ".
        for number, (first, last) in enumerate([("isıl", "yılmaz"), ("ısıl", "yılmaz"), ("isil", "yilmaz")]):
            one = sealer.seal(
                "PERSON", f"old {number}", "Mark Brown", message=0, start=number, end=number + 1
            )
            kept = [f"all {first} {last}", f"word {first}", f"word {last}"]
            one["words"] = [sealer.index("form", form) for form in kept]
            vault.add([(f"old{number}", "h", [one])])
        everywhere = [*(f"new{n}" for n in range(len(TURKISH))), "old0", "old1", "old2"]
        for name in TURKISH.values():
            assert vault.records(name) == everywhere, name
        assert vault.records("Işıl") == everywhere
        (part,) = {e.match for e in vault.find("Ayşe Işıl Yılmaz", parts=True)}
        assert part == "part"


def test_an_address_that_is_spelt_out_is_the_address(tmp_path: Path, key: Key) -> None:
    sealer = Sealer(key)
    spellings = ["z.q@quib.example", "Z.Q at quib dot example", "z dot q (at) quib [dot] example"]
    with Vault.create(tmp_path / "m.vault", key) as vault:
        for number, mail in enumerate(spellings):
            one = sealer.seal("EMAIL_ADDRESS", mail, "<E>", message=0, start=number, end=number + 1)
            vault.add([(f"new{number}", "h", [one])])
        for number, form in enumerate(["z q at quib dot example", "z dot q at quib dot example"]):
            one = sealer.seal(
                "EMAIL_ADDRESS", f"old {number}", "<E>", message=0, start=number, end=number + 1
            )
            one["words"] = [sealer.index("form", f"all {form}")]  # as it was kept before
            vault.add([(f"old{number}", "h", [one])])
        for mail in spellings:
            assert vault.records(mail) == ["new0", "new1", "new2", "old0", "old1"], mail
        assert vault.records("q@quib.example") == vault.records("look at quib") == []


def test_what_was_sealed_comes_back_and_the_asking_is_written_down(vault: Vault) -> None:
    (found,) = vault.reveal("mark brown", because=WHY)
    assert (found.original, found.records, found.entity) == ("Zoltan Quibble", 2, "PERSON")
    (entry,) = vault.access()
    assert (entry.action, entry.what, entry.because, entry.places) == ("reveal", "mark brown", WHY, 1)


def test_a_record_is_revealed_in_order(tmp_path: Path, key: Key) -> None:
    sealer = Sealer(key)
    with Vault.create(tmp_path / "b.vault", key) as vault:
        second = sealer.seal("PERSON", "Second", "Y", message=1, start=0, end=1)
        first = sealer.seal("PERSON", "First", "X", message=0, start=5, end=6)
        vault.add([("0123456789abcdef", "h", [second, first])])
        assert [r.original for r in vault.reveal("0123", because=WHY)] == ["First", "Second"]


def test_no_reason_no_original(vault: Vault) -> None:
    with pytest.raises(VaultError, match="for a reason"):
        vault.reveal("Mark Brown", because=" ")
    with pytest.raises(VaultError, match="no such token"):
        vault.reveal("Nobody", because=WHY)
    assert vault.access() == []


def test_a_placeholder_is_no_way_to_read_the_whole_vault(vault: Vault, key: Key) -> None:
    sealer = Sealer(key)
    many = [sealer.seal("PERSON", f"Person {n}", "<PERSON>", message=0, start=n, end=n) for n in range(30)]
    vault.add([("r9", "h9", many)])
    with pytest.raises(VaultError, match="stands for 30 values"):
        vault.reveal("<PERSON>", because=WHY)
    assert vault.access() == []


def test_adding_twice_changes_nothing(vault: Vault, key: Key) -> None:
    before = vault.counts(), vault.find("Zoltan Quibble", parts=True)
    fill(vault, key)
    assert (vault.counts(), vault.find("Zoltan Quibble", parts=True)) == before


def test_no_original_in_the_bytes(vault: Vault) -> None:
    content = vault.path.read_bytes().lower()
    for value in (b"zoltan", b"quibble", b"212-555", b"zq@quib"):
        assert value not in content
    assert b"mark brown" in content
    assert stat.S_IMODE(vault.path.stat().st_mode) == 0o600


def test_forgetting_leaves_no_byte_and_spares_others(vault: Vault) -> None:
    entries = vault.find("Zoltan Quibble")
    numbers = {e.original for e in entries}
    marks = ",".join("?" * len(numbers))
    own = sqlite3.connect(vault.path)
    sealed = own.execute(f"SELECT sealed FROM originals WHERE id IN ({marks})", [*numbers]).fetchall()
    own.close()
    assert len(sealed) == 2 and all(one in vault.path.read_bytes() for (one,) in sealed)
    assert vault.forget(entries, because="erasure 4") == 2
    content = vault.path.read_bytes()
    assert not any(one in content for (one,) in sealed)
    assert vault.find("Zoltan Quibble") == []
    assert vault.records("Zoltan Other") == ["r4"] and vault.records("zq@quib.example") == ["r3"]
    assert sorted(p.name for p in vault.path.parent.iterdir()) == ["a.vault"]
    assert [(a.action, a.what, a.places) for a in vault.access()] == [("forget", "3 records", 3)]


def test_an_original_that_stands_elsewhere_too_stays(vault: Vault) -> None:
    first = [e for e in vault.find("Zoltan Quibble") if e.record_id == "r1"]
    assert vault.forget(first, because="erasure 5") == 0
    assert vault.records("Zoltan Quibble") == ["r2", "r3"]


def test_the_log_only_grows(vault: Vault) -> None:
    for number in range(3):
        vault.reveal("Mark", because=f"case {number}")
    own = sqlite3.connect(vault.path)
    for change in ("DELETE FROM access", "UPDATE access SET because = 'x'"):
        with pytest.raises(sqlite3.IntegrityError, match="only grows"):
            own.execute(change)
    own.rollback()
    own.execute("DROP TRIGGER access_stays")
    own.execute("DELETE FROM access WHERE number = 2")
    own.commit()
    own.close()
    with pytest.raises(VaultError, match="log was changed"):
        vault.access()


# --- what goes wrong --------------------------------------------------------------------------------------------


def test_wrong_key_lost_vault_damaged_vault(vault: Vault, tmp_path: Path, key: Key) -> None:
    with pytest.raises(VaultError, match="wrong key") as wrong:
        Vault.open(vault.path, Key(OTHER))
    assert SECRET not in str(wrong.value) and OTHER not in str(wrong.value)
    assert key.fingerprint in str(wrong.value)
    with pytest.raises(VaultError, match="there is no vault at"):
        Vault.open(tmp_path / "lost.vault", key)
    (tmp_path / "text.vault").write_text(
        "not a vault, and long enough to be read as a header of a file " * 20
    )
    with pytest.raises(VaultError, match="is damaged"):
        Vault.open(tmp_path / "text.vault", key)
    (tmp_path / "empty.vault").touch()
    with pytest.raises(VaultError, match="is no vault"):
        Vault.open(tmp_path / "empty.vault", key)
    with pytest.raises(VaultError, match="exists already"):
        Vault.create(vault.path, key)


def test_a_changed_entry_does_not_open(vault: Vault) -> None:
    own = sqlite3.connect(vault.path)
    own.execute("UPDATE originals SET token = 'Mark Green' WHERE token = 'Mark Brown'")
    own.commit()
    own.close()
    with pytest.raises(VaultError, match="does not open"):
        vault.reveal("Mark Green", because=WHY)


def test_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TUNEPROOF_PII_KEY", raising=False)
    with pytest.raises(UserError, match="there is no key") as none:
        load_key()
    assert "TUNEPROOF_PII_KEY" in str(none.value) and "vault init" in str(none.value)
    with pytest.raises(UserError, match="no key file"):
        load_key(str(tmp_path / "nowhere.key"))
    path = tmp_path / "home" / "tuneproof" / "pii.key"
    made = new_key_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_key().fingerprint == made.fingerprint == load_key(str(path)).fingerprint
    monkeypatch.setenv("TUNEPROOF_PII_KEY", SECRET)
    assert load_key().fingerprint == Key(SECRET).fingerprint != made.fingerprint
    path.chmod(0o640)
    with pytest.raises(UserError, match="others may read"):
        load_key(str(path))
    with pytest.raises(UserError, match="exists already"):
        new_key_file(path)
    monkeypatch.setenv("TUNEPROOF_PII_KEY", "hunter2hunter2")
    with pytest.raises(UserError, match="TUNEPROOF_PII_KEY is too short") as short:
        load_key()
    assert "hunter2" not in str(short.value)
    with pytest.raises(UserError, match="too short"):
        Key("a" * 64)


def test_a_key_shows_its_fingerprint_only(key: Key) -> None:
    import pickle

    assert repr(key) == f"Key({key.fingerprint})" and len(key.fingerprint) == 16
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(key)
    assert key.mac("a", "x") != key.mac("b", "x") != Key(OTHER).mac("b", "x")
    assert os.environ.get("TUNEPROOF_PII_KEY") != SECRET
