"""A whole audit: report, terminal, exit codes, configuration and the command itself."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from audit.checks import CHECKS
from audit.config import AuditConfig, FailOn, PolicyConfig
from audit.context import Context
from audit.running import audit
from conf.app import StoreConfig, compose
from data.errors import ConfigError
from data.store import Store

ROOT = Path(__file__).parents[2]
PII = {"engine": "patterns", "entities": ["EMAIL_ADDRESS"], "operator": "placeholder", "threshold": 0.4}
ADDRESS = "ann.lee@example.org"


@pytest.fixture
def made(workshop: Any, many_rows: Callable[[int], list[dict[str, Any]]]) -> AuditConfig:
    """A closed store with a version that has something wrong in every chapter, and the configuration to audit it."""
    rows = many_rows(400)
    for row in rows[:20]:
        row["completion"] += f" write to {ADDRESS}"
    rows[30] = dict(rows[34])
    workshop.ingest(rows, broken=3)
    workshop.drop("quality", lambda row: row["audience"] == "older" and row["line"] % 5 == 0)
    workshop.stage("pii", [], PII)
    workshop.split(lambda row: "train" if row["line"] % 4 else "test")
    workshop.store.close()
    return AuditConfig(
        store=StoreConfig(path=str(workshop.path)),
        reference={"audience": {"younger": 0.5, "older": 0.5}},
        out=str(workshop.folder / "report"),
    )


def ran(config: AuditConfig) -> tuple[int, str, str, dict[str, Any]]:
    """Exit code, what the terminal (80 columns) shows, the HTML and the JSON of an audit."""
    console = Console(file=io.StringIO(), width=80)
    code = audit(config, console)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    page = (Path(config.out) / "audit.html").read_text()
    return code, shown, page, json.loads((Path(config.out) / "audit.json").read_text())


def test_an_audit_stores_facts_and_writes_one_report(made: AuditConfig) -> None:
    code, shown, page, body = ran(made)
    assert code == 0  # a FAIL is a result, not an error
    assert body["outcome"] == "FAIL"
    with Store.open(made.store.path, read_only=True) as store:
        stored = store.facts(subject=store.resolve("latest"))
    assert {(f["name"], f["slice"]) for f in body["facts"]} <= set(stored.select("name", "slice").iter_rows())
    assert set(CHECKS) == set(stored["name"].unique()) & set(CHECKS)
    for check in CHECKS.values():
        assert check.id in page
        assert check.id in shown
    assert "overall: FAIL" in shown
    assert all(len(line) <= 80 for line in shown.splitlines() if not line.startswith("report: "))


def test_no_personal_data_reaches_report_terminal_or_store(made: AuditConfig) -> None:
    _, shown, page, body = ran(made)
    assert "EMAIL_ADDRESS" in page
    for text in (shown, page, json.dumps(body)):
        assert ADDRESS not in text
    with Store.open(made.store.path, read_only=True) as store:
        assert ADDRESS not in str(store.facts().to_dicts())


def test_the_report_tells_what_was_not_examined(made: AuditConfig) -> None:
    _, _, page, body = ran(replace(made, checks=["SRC-001"], check="QUA-002"))
    assert {fact["name"] for fact in body["facts"]} == {"SRC-001", "QUA-002"}
    left_out = " ".join(body["not_examined"])
    assert "Personal data left (PII-001): was not asked for." in left_out
    assert "No evaluation sets were named" in left_out
    assert "Bias in the data" not in page


def test_worst_first(made: AuditConfig) -> None:
    _, shown, _, body = ran(made)
    table = next(s for s in body["sections"] if s["id"] == "decision")["blocks"][0]
    outcomes = [row[1]["outcome"] for row in table["rows"]]
    order = ["FAIL", "WARN", "INSUFFICIENT", "NOT_RUN", "PASS", "INFO"]
    assert outcomes == sorted(outcomes, key=order.index)
    assert outcomes[0] == "FAIL"
    assert shown.index("FAIL") < shown.index("PASS")


def test_the_same_audit_gives_the_same_bytes(
    made: AuditConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1790000000")
    for name in ("one", "two"):
        ran(replace(made, out=str(tmp_path / name)))
    for kind in ("html", "json"):
        assert (tmp_path / "one" / f"audit.{kind}").read_bytes() == (
            tmp_path / "two" / f"audit.{kind}"
        ).read_bytes()


def test_exit_code_for_ci(made: AuditConfig) -> None:
    only = replace(made, check="SRC-001")
    assert ran(replace(only, fail_on=FailOn.FAIL))[0] == 10
    tasks = replace(made, check="QUA-005")
    assert ran(replace(tasks, fail_on=FailOn.FAIL))[0] == 0
    assert ran(replace(tasks, fail_on=FailOn.WARN))[0] == 10


def test_every_configuration_composes() -> None:
    assert compose("audit", AuditConfig, []).policy == PolicyConfig()
    strict = compose("audit", AuditConfig, ["policy=strict"]).policy
    assert (strict.max_pii_leak, strict.level) == (0.001, 0.95)
    for path in sorted((ROOT / "conf" / "audit" / "experiment").glob("*.yaml")):
        compose("audit", AuditConfig, [f"experiment={path.stem}"])


def test_the_command_in_the_evidence_gives_the_same_configuration(made: AuditConfig) -> None:
    config = replace(
        made,
        groups=["audience"],
        policy=PolicyConfig(max_gap=0.2),
        evaluation_files=["some folder/a.jsonl"],
        label="topic",
        out="",
    )
    with Store.open(made.store.path, read_only=True) as store:
        words = Context.of(store, config).rerun("FAI-001")
        version = store.resolve("latest")
    import shlex

    assert words.startswith("python -m audit ")
    again = compose("audit", AuditConfig, shlex.split(words)[3:])
    assert again == replace(config, version=version, check="FAI-001")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"max_gap": 2.0}, "policy.max_gap=2.0"),
        ({"min_group": 1}, "policy.min_group=1"),
        ({"max_pii_leak": 0.0}, "policy.max_pii_leak=0.0"),
    ],
)
def test_policies_outside_their_range_are_refused(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as refused:
        PolicyConfig(**change)
    assert refused.value.problem == problem


def test_a_reference_must_be_shares() -> None:
    with pytest.raises(ConfigError, match=r"audience sums to 1[.]4, not to 1"):
        AuditConfig(reference={"audience": {"younger": 0.7, "older": 0.7}})
    with pytest.raises(ConfigError, match="does not give a number for each group"):
        compose("audit", AuditConfig, ["reference={audience:{younger:most}}"])


def command(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "audit", *words],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(folder), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_command_line(made: AuditConfig, tmp_path: Path) -> None:
    store = f"store.path={made.store.path}"
    good = command(store, "checks=[SRC-001,LIN-001]", "fail_on=FAIL", folder=tmp_path)
    assert good.returncode == 10, good.stderr
    (report,) = (tmp_path / "runs" / "audit").glob("*/audit.html")
    assert str(report.relative_to(tmp_path)) in good.stdout
    bad = command(store, "check=PII-0001", folder=tmp_path)
    assert bad.returncode == 2
    assert bad.stderr.startswith("error: checks: there is no check 'PII-0001'\n  did you mean 'PII-001'?")
    none = command("store.path=absent.duckdb", folder=tmp_path)
    assert none.returncode == 2
    assert not (tmp_path / "absent.duckdb").exists()


def test_help_is_quick_and_names_the_usual_overrides(tmp_path: Path) -> None:
    started = time.perf_counter()
    helped = command("--help", folder=tmp_path)
    assert helped.returncode == 0
    assert "policy: default, strict" in helped.stdout
    assert "fail_on" in helped.stdout
    assert time.perf_counter() - started < 10  # seconds, on a busy machine; about 1 on a quiet one
