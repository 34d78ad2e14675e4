"""What goes out to a sheet: which records, what is shown of them, and the settings that are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curation.desk.pull import pull
from curation.desk.push import push
from data.errors import ConfigError, StoreError, UserError
from data.lineage import story
from data.store import Store

from .sheets import copied, curate, curated_folder, desk, fill, read, row, source


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """See `curated_folder`."""
    return curated_folder(tmp_path_factory.mktemp("curated"))


@pytest.fixture
def work(curated: Path, tmp_path: Path) -> Path:
    """A copy of the folder of its own."""
    return copied(curated, tmp_path)


def test_personal_data_is_shown_only_for_its_own_task(work: Path) -> None:
    curate(work, "pii=off")
    with pytest.raises(StoreError, match="was not scrubbed of personal data"):
        push(desk(work))
    push(desk(work, "allow_unscrubbed=true", "rows=40"))
    assert any("jane@example.com" in one["answer"] for one in read(work / "sheet.csv"))


def test_spans_to_confirm_are_of_the_text_before_the_pii_stage(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    push(desk(work, "questions=spans", "select=pii", "rows=8"))
    said = capsys.readouterr().out
    assert "These texts hold personal data" in said
    rows = read(work / "sheet.csv")
    mine = next(one for one in rows if "jane@example.com" in one["text"])
    assert (
        mine["suggested_personal"] == "EMAIL_ADDRESS: jane@example.com" and mine["why"] == "EMAIL_ADDRESS x1"
    )
    missed = mine["text"].split()[4]
    marks = {one["item"]: {"personal": one["suggested_personal"], "checked": "yes"} for one in rows}
    marks[mine["item"]]["personal"] += f"; PERSON: {missed}"
    fill(work / "sheet.csv", work / "a.csv", "ann", marks)
    pull(desk(work, f"desk.file={work}/a.csv"))
    with Store.open(work / "s.duckdb") as store:
        stages = [version.stage for version in store.lineage("latest")]
        assert stages.index("desk") < stages.index("pii") < stages.index("split"), "masked before the stage"
        text = (
            store.read("latest")
            .frame("record_id", "text")
            .filter(record_id=mine["item"])
            .collect()["text"]
            .item()
        )
        assert "<EMAIL_ADDRESS>" in text and "<PERSON>" in text and "jane" not in text
        recall = store.facts(name="desk_pii_recall").to_dicts()[0]
        assert 0 < recall["value"] < 1 and store.facts(name="desk_pii_precision")["value"].item() == 1
        before = store.version("latest").version
        assert store.query("SELECT count(*) AS n FROM facts WHERE detail LIKE '%jane%'")["n"].item() == 0
    assert curate(work) == before, "and so does the next curation"


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["select=strata"], "needs columns"),
        (["select=uncertain"], "needs a column"),
        (["select=border"], "finds no record"),
        (["questions=preference", "select=sample"], "compares two answers"),
        (["questions=preference"], "no evaluation yet|has no evaluation"),
        (["dataset=no good"], "is no name for Argilla"),
        (["rows=0"], "rows=0"),
        (["questions.ask.fate.kind=rating"], "does not go with"),
        (["+questions.ask.more={kindd: text}"], "no such key: questions.ask.more.kindd"),
        (["gold=/nowhere/gold.jsonl"], "No such file"),
        (
            ["select=strata", "stratify_by=[audiense]"],
            "no record of .* has a column 'audiense'[\\s\\S]*'audience'",
        ),
        (["select=uncertain", "confidence=suer"], "no record of .* has a column 'suer'[\\s\\S]*'sure'"),
        (["show=[audiense]"], "no record of .* has a column 'audiense'"),
    ],
)
def test_mistakes(work: Path, overrides: list[str], says: str) -> None:
    wanted = list(overrides)
    with pytest.raises((UserError, ConfigError, FileNotFoundError), match=says):
        command = desk(work, *wanted)
        if "questions=preference" in wanted and len(wanted) == 1:
            command.select = None
        push(command)


def test_known_answers_of_records_that_are_not_there(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gold = work / "gold.jsonl"
    for text, says in (
        ('{"record_id": "nobody", "fate": "keep"}\n', "none of its 1 records is in"),
        ('["record_id"]\n', "gold.jsonl line 1: no object with a record_id"),
    ):
        gold.write_text(text)
        with pytest.raises(UserError, match=says):
            push(desk(work, f"gold={gold}"))
    with Store.open(work / "s.duckdb") as store:
        known = store.read("latest").frame("record_id").collect()["record_id"][0]
    lines = [json.dumps({"record_id": one, "fate": "drop"}) for one in (known, "nobody")]
    gold.write_text("\n".join(lines))
    push(desk(work, f"gold={gold}"))
    said = capsys.readouterr().out
    assert "1 of 2 records are not in v-" in said and "1 known answers are mixed in" in said
    assert known in {one["item"] for one in read(work / "sheet.csv")}


def test_strata_and_uncertain(work: Path) -> None:
    push(desk(work, "select=strata", "stratify_by=[audience]", "rows=10"))
    whys = [one["why"] for one in read(work / "sheet.csv")]
    assert whys.count("audience=younger") == whys.count("audience=older") == 5
    push(
        desk(
            work,
            "select=uncertain",
            "confidence=sure",
            "rows=3",
            f"desk.file={work}/least.csv",
            "dataset=least",
        )
    )
    assert [one["why"] for one in read(work / "least.csv")] == ["sure 0", "sure 0.025", "sure 0.05"]


def test_the_doubtful_border_of_dedup_and_quality(work: Path) -> None:
    """One near-duplicate below the threshold (kept), one above it (removed), and one record that quality noted."""
    below, above, noted = row(1), row(2), row(3)
    words = below["completion"].split(" ")
    below["completion"] = " ".join([*words[:-4], "quite", "other", *words[-2:]])
    above["completion"] = above["completion"][:-1] + " indeed."
    above["audience"] = "jane@example.com"
    noted["completion"] = " ".join(noted["completion"].split(" ")[:-1]) + " and then the"
    source(work, [*(row(n) for n in range(20) if n != 3), below, above, noted])
    curate(work, "dedup.store_from=0.5")
    push(desk(work, "select=border", "rows=10"))
    rows = read(work / "sheet.csv")
    kept = next(one for one in rows if one["why"].startswith("kept"))
    removed = next(one for one in rows if one["why"].startswith("removed"))
    assert (kept["suggested_fate"], removed["suggested_fate"]) == ("keep", "drop")
    for one in (kept, removed):
        assert one["similar"].partition("[assistant]")[2].split()[:20] == one["answer"].split()[:20]
        assert one["similar"] != one["answer"]
    assert len(rows) == 3 and any(one["why"] == "quality_cut_off" for one in rows)
    with Store.open(work / "s.duckdb") as store:
        before = store.version("latest")
        assert not store.present(before.version, [removed["item"]])
    fill(
        work / "sheet.csv", work / "a.csv", "ann",
        {removed["item"]: {"fate": "keep"}, kept["item"]: {"fate": "drop"}},
    )  # fmt: skip
    pull(desk(work, f"desk.file={work}/a.csv"))
    with Store.open(work / "s.duckdb") as store:
        after = store.version("latest")
        assert store.present(after.version, [removed["item"], kept["item"]]) == {removed["item"]}
        assert after.rows == before.rows
        told = [f"{event.stage} {event.what} {event.why}" for event in story(store, removed["item"]).events]
        assert any(
            "undo brought back" in one and "on the labelling desk: keep by annotator-1" in one for one in told
        )
        assert (
            store.read("latest")
            .frame("record_id", "split")
            .filter(record_id=removed["item"])
            .collect()["split"][0]
        )
    assert curate(work, "dedup.store_from=0.5") == after.version, "it stays back"
    pull(desk(work, f"desk.file={work}/a.csv"))
    with Store.open(work / "s.duckdb") as store:
        assert store.version("latest").version == after.version, "pulling again changes nothing"


def test_classes_are_those_of_the_version(work: Path) -> None:
    rows = [{"text": f"{row(n)['completion']}", "label": ("ham", "spam")[n % 2]} for n in range(12)]
    source(work, rows)
    curate(work, "quality=off")
    push(desk(work, "questions=label"))
    first, second, *_ = rows = read(work / "sheet.csv")
    assert {one["suggested_label"] for one in rows} == {"ham", "spam"}
    other = {"ham": "spam", "spam": "ham"}[second["suggested_label"]]
    said = {first["item"]: {"label": first["suggested_label"]}, second["item"]: {"label": other}}
    fill(work / "sheet.csv", work / "a.csv", "ann", said)
    pull(desk(work, f"desk.file={work}/a.csv"))
    with Store.open(work / "s.duckdb") as store:
        reasons = {r["record_id"]: (r["reason"], r["value"]) for r in store.verdicts("latest").to_dicts()}
    assert reasons[first["item"]] == ("desk_confirmed", first["suggested_label"])
    assert reasons[second["item"]] == ("desk_relabelled", other)
    fill(work / "sheet.csv", work / "a.csv", "ann", {first["item"]: {"label": "eggs"}})
    with pytest.raises(UserError, match="ham, spam"):
        pull(desk(work, f"desk.file={work}/a.csv"))
