"""Tokens are kept for the next training of the same rows, for no other, and go when a person's texts go."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from conf.app import StoreConfig
from data.__main__ import main
from data.store import Store
from train.config import TrainConfig
from train.encoding import encode_rows
from train.ingredients import gather
from train.look import tokens_of
from train.models import BaseModel, open_tokenizer
from train.rows import Tokenised
from train.run import train
from train.tasks import Task, TaskConfig
from train.tokens import ABOUT, ROWS, folder_of, key_of, trim

Make = Callable[..., TrainConfig]
SAID = "tokens from cache: "


@pytest.fixture(scope="module")
def base(trained: Any) -> BaseModel:
    noted = json.loads((Path(trained.run.path) / "base.json").read_text())
    return BaseModel("tiny", Path(noted["path"]), noted["digest"])


@pytest.fixture
def config(plant: Make, conversations: Any) -> TrainConfig:
    return plant(conversations(60))


def read(config: TrainConfig, base: BaseModel) -> list[Tokenised]:
    rows = gather(config)
    return tokens_of(config, rows, base, open_tokenizer(base.path), [], Console(stderr=True))


def sets(config: TrainConfig) -> list[Path]:
    root = folder_of(config)
    assert root is not None
    return sorted(root.iterdir()) if root.is_dir() else []


def plain(tokens: Tokenised) -> dict[str, Any]:
    return {**vars(tokens), "dataset": tokens.dataset.to_dict()}


def test_what_is_read_is_what_was_made(
    config: TrainConfig, base: BaseModel, capsys: pytest.CaptureFixture[str]
) -> None:
    short = replace(config, task=TaskConfig(max_length=40))  # rows are cut, and some are left out
    rows, tokenizer = gather(short), open_tokenizer(base.path)
    fresh = [encode_rows(short, frame, tokenizer, []) for frame in (rows.train, rows.validation)]
    made = read(short, base)
    assert SAID not in capsys.readouterr().err
    again = read(short, base)
    assert f"{SAID}{sum(map(len, made))} rows in {folder_of(config)}" in " ".join(
        capsys.readouterr().err.split()
    )
    assert (
        [plain(part) for part in again] == [plain(part) for part in made] == [plain(part) for part in fresh]
    )
    assert fresh[0].rows_cut
    assert again[0].dataset.cache_files  # mapped, not read


@pytest.mark.parametrize("kind", ["classify", "seq2seq"])
def test_labels_and_answers_are_kept_too(
    labels: Make, tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    model = replace(labels(tmp_path).model, name="tiny_bert" if kind == "classify" else "tiny_t5")
    method = labels(tmp_path).method
    config = labels(
        tmp_path, model=model, method=method, task=TaskConfig(name=Task(kind), max_length=64), steps=2,
        eval_steps=2, plan=True, token_cache=str(tmp_path / "tokens"),
    )  # fmt: skip
    shown = []
    for _ in range(2):
        assert train(config) == 0
        shown.append(capsys.readouterr().err)
    assert SAID not in shown[0] and SAID in shown[1]
    part = [said[said.index("What is learnt") : said.index("What it will take")] for said in shown]
    assert part[0] == part[1]


def test_the_weights_are_the_same_with_and_without(config: TrainConfig, tmp_path: Path) -> None:
    digests = []
    for name, cache in (("made", "auto"), ("read", "auto"), ("without", None)):
        one = replace(config, out=str(tmp_path / name), token_cache=cache)
        assert train(one) == 0
        with Store.open(config.store.path, read_only=True) as store:
            digests.append(store.run("latest").weights_digest)
    assert digests[0] == digests[1] == digests[2]
    assert len(sets(config)) == 2  # of the training and of the validation rows
    assert {file.name for folder in sets(config) for file in folder.iterdir()} == {ROWS, ABOUT}


def test_whatever_changes_a_row_has_tokens_of_its_own(config: TrainConfig, base: BaseModel) -> None:
    rows, tokenizer = gather(config), open_tokenizer(base.path)

    def key(
        changed: TrainConfig = config, frame: Any = rows.train, membership: str = "m", labels: Any = ()
    ) -> str:
        return key_of(changed, membership, frame, tokenizer, base.path, list(labels))

    shorter = replace(config, task=TaskConfig(max_length=50))
    pairs = replace(config, task=TaskConfig(name=Task.seq2seq))
    first = key()
    assert first == key(replace(config, seed=5, batch_size=1, learning_rate=1e-3))
    others = [
        key(shorter), key(pairs), key(replace(pairs, task=replace(pairs.task, max_answer=5))), key(membership="n"),
        key(frame=rows.train.head(5)), key(frame=rows.train.reverse()), key(labels=["a", "b"]),
    ]  # fmt: skip
    assert len({first, *others}) == 8
    tokenizer.chat_template += " "
    assert key() != first


def test_other_files_of_the_tokenizer_make_other_tokens(
    config: TrainConfig, base: BaseModel, tmp_path: Path
) -> None:
    import shutil

    frame, tokenizer = gather(config).train, open_tokenizer(base.path)
    copied = tmp_path / "copied"
    shutil.copytree(base.path, copied)
    same = key_of(config, "m", frame, tokenizer, copied, [])
    assert same == key_of(config, "m", frame, tokenizer, base.path, [])
    words = (copied / "tokenizer.json").read_text()
    (copied / "tokenizer.json").write_text(words.replace('"lowercase"', '"uppercase"') + " ")
    assert key_of(config, "m", frame, tokenizer, copied, []) != same


@pytest.mark.parametrize("damage", ["cut", "flipped", "gone", "no_json"])
def test_a_damaged_file_is_made_anew(
    config: TrainConfig, base: BaseModel, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made = [plain(part) for part in read(config, base)]
    for folder in sets(config):
        file = folder / (ABOUT if damage == "no_json" else ROWS)
        content = bytearray(file.read_bytes())
        if damage == "cut":
            content = content[:-100]
        content[len(content) // 2] ^= 1
        file.write_bytes(b"{" if damage == "no_json" else content)
        if damage == "gone":
            file.unlink()
    capsys.readouterr()
    assert [plain(part) for part in read(config, base)] == made
    assert SAID not in capsys.readouterr().err
    assert [plain(part) for part in read(config, base)] == made
    assert SAID in capsys.readouterr().err


def test_the_least_recently_used_go_where_there_are_too_many(config: TrainConfig, base: BaseModel) -> None:
    import os

    read(config, base)
    old = sets(config)
    for number, folder in enumerate(old):
        os.utime(folder / ABOUT, (number, number))
    read(replace(config, task=TaskConfig(max_length=30)), base)
    new = [folder for folder in sets(config) if folder not in old]
    root = folder_of(config)
    assert root is not None
    size = sum(file.stat().st_size for file in root.rglob("*.*") if file.is_file())
    trim(root, size - 1, but=new)
    assert sets(config) == sorted([old[1], *new])
    trim(root, 0, but=new)
    assert sets(config) == sorted(new)


def test_where_nothing_can_be_kept_it_trains_all_the_same(
    config: TrainConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked = tmp_path / "a file"
    blocked.write_text("")
    assert train(replace(config, token_cache=str(blocked / "tokens"))) == 0
    assert "the tokens are not kept for the next training: cannot write" in capsys.readouterr().err


@pytest.fixture
def curated(tmp_path: Path, settings: Make, monkeypatch: pytest.MonkeyPatch) -> TrainConfig:
    """A plan of a training on forty rows of a curated file, whose tokens are kept."""
    from conf.app import compose
    from curation.config import CurationConfig
    from curation.pipeline import run_pipeline

    monkeypatch.chdir(tmp_path)  # a certificate goes to runs/
    path, raw = tmp_path / "store.duckdb", tmp_path / "raw.jsonl"
    lines = [
        {
            "prompt": f"Question {n} of Ottoline number {n}.",
            "completion": f"Answer {n * 37} {n * 91} {n * 53} {n * 71}, as was promised to kim.{n}@purged-example.org.",
        }
        for n in range(40)
    ]
    raw.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with Store.open(path) as store:
        off = ["outliers=off", "dedup=off", "quality=off", "pii=patterns", f"source.path={raw}"]
        run_pipeline(store, compose("curation", CurationConfig, off))
    config = settings(tmp_path / "out", store=StoreConfig(path=str(path)), plan=True)
    assert train(config) == 0
    assert len(list(tmp_path.rglob(ROWS))) == 2
    return config


def test_a_person_who_is_forgotten_is_gone_from_the_tokens(
    curated: TrainConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    before = gather(curated)
    asked = before.train["messages"][0][0]["content"].removesuffix(".").partition(" of ")[2]
    assert main(["--store", curated.store.path, "forget", asked, "--yes"]) == 0
    assert (
        len(list(Path(curated.store.path).parent.rglob(ROWS))) == 1
    )  # the validation rows hold none of theirs
    with Store.open(curated.store.path, read_only=True) as store:
        (erasure,) = store.erasures("forget")
    assert {entry["done"] for entry in erasure.report["files"] if entry["kind"] == "tokens"} == {"removed"}
    capsys.readouterr()
    assert train(curated) == 0
    assert SAID not in capsys.readouterr().err  # the version without them is another one
    assert gather(curated).train.height == before.train.height - 1


def test_a_purge_empties_the_tokens(curated: TrainConfig) -> None:
    assert main(["--store", curated.store.path, "purge", "--yes"]) == 0
    assert not list(Path(curated.store.path).parent.rglob(ROWS))
