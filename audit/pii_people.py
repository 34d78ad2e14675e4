"""PII-006, PII-008, PII-009: what people found, whether pseudonyms hold, whether groups single anyone out."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

from audit import statistics
from audit.context import Context
from audit.pii_tallies import detector_signature
from audit.planted_texts import names
from audit.privacy import detector
from audit.shares import at_most, demand, upper_if_none
from data.errors import MissingPackage, SourceError, UserError
from data.facts import Fact, Outcome
from data.report.wording import counted, number, percent

DESK = "desk_leaks"


def leaks_by_people(context: Context) -> list[Fact]:
    """PII-006: the upper bound of the share of rows in which a person still finds personal data.

    From `leak_sample` (JSON Lines of record_id and leak), or from answers on the labelling desk. How many rows a sample
    needs is said before anything is read.
    """
    policy = context.policy
    wanted = statistics.rows_for_zero_found(policy.max_pii_leak, policy.level)
    read = _sample(context)
    if read is None:
        why = (
            f"No person has read a sample. {number(wanted)} rows drawn by chance with nothing found show that at most "
            f"{percent(policy.max_pii_leak)} of the rows hold any."
        )
        fact = context.not_run("PII-006", why)
        fact.n_needed = wanted
        return [fact]
    found, n, source = read
    low, high = statistics.clopper_pearson(found, n, policy.level) if n else (0.0, 1.0)
    high = upper_if_none(found, n, high, policy.level) if n else 1.0
    outcome, needed = at_most(found, n, (low, high), policy.max_pii_leak, policy)
    return [
        context.fact(
            "PII-006",
            found / n if n else None,
            "fraction",
            n=n,
            low=low,
            high=high,
            level=policy.level,
            method="Clopper-Pearson" + ("" if found else ", one-sided"),
            signature=source,
            outcome=outcome,
            n_needed=needed,
            threshold=demand(policy.max_pii_leak),
            evidence=context.rerun("PII-006"),
            detail={
                "says": f"People found personal data in {number(found)} of {counted(n, 'row')} that they read: at most "
                f"{percent(high)} of all rows hold any ({number(wanted)} rows with none found were asked for)."
            },
        )
    ]


def _sample(context: Context) -> tuple[int, int, str] | None:
    """Rows with a leak, rows read, and where that is from."""
    if context.config.leak_sample:
        path = Path(context.config.leak_sample).expanduser()
        answers = _answers(path)
        held = context.store.present(context.version.version, list(answers))
        return sum(answers[record] for record in held), len(held), f"file {path.name}"
    said = context.store.facts(name=DESK).to_dicts()
    versions = [version.version for version in context.lineage]
    own = [row for row in said if row["subject"] in versions and row["n"]]
    if not own:
        return None
    last = max(own, key=lambda row: (versions.index(row["subject"]), row["n"]))
    return round(last["value"] * last["n"]), last["n"], f"labelling desk, {last['slice']}"


def _answers(path: Path) -> dict[str, bool]:
    if not path.is_file():
        raise SourceError(
            f"leak_sample={path}: no such file", "a JSON Lines file of record_id and leak (true or false)"
        )
    answers: dict[str, bool] = {}
    for line, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
            record, leak = row["record_id"], row["leak"]
        except (ValueError, KeyError, TypeError):
            record, leak = None, None
        if not isinstance(record, str) or not isinstance(leak, bool):
            raise SourceError(
                f"leak_sample={path}, line {line}: not a record_id and a leak",
                'wanted: {"record_id": "0123456789abcdef", "leak": false}',
            )
        answers[record] = answers.get(record, False) or leak
    return answers


def pseudonyms_consistent(context: Context) -> list[Fact]:
    """PII-008: the share of planted names that get one pseudonym however they are written.

    Each in five spellings, each spelling by operators made anew with the stage's key. Two persons with one pseudonym
    are counted beside it: with as many names as lists have, some must share one.
    """
    from curation.pii.config import KEYED
    from curation.pii.instead import Numbers, Operators

    config = detector(context)
    operator = config.operators.get("PERSON", config.operator)
    if context.stage("pii") is None or operator not in KEYED:
        return [context.not_run("PII-008", "Persons get no pseudonyms, so there are none to be consistent.")]
    try:
        made = [Operators(config) for _ in range(2)]
    except UserError as error:
        return [context.not_run("PII-008", f"The key of the pseudonyms is not here: {error.problem}.")]
    values = names(context.policy.pii_pseudonyms, context.config.seed)
    same, given = 0, []
    for value in values:
        # Turkish: Python lowers a dotted capital I to an i and a dot of its own, which nobody types.
        lower = value.lower().replace("\u0307", "")
        spelt = (value, value.upper(), lower, f"  {value} ", value.replace(" ", "\n"))
        written = {_folded(made[i % 2].written("PERSON", form, Numbers())) for i, form in enumerate(spelt)}
        same += len(written) == 1
        given.append(min(written))
    n = len(values)
    shared = n - len(set(given))
    low, high = statistics.clopper_pearson(same, n, context.policy.level)
    outcome = Outcome.PASS if same == n else Outcome.FAIL
    return [
        context.fact(
            "PII-008",
            same / n,
            "fraction",
            n=n,
            low=low,
            high=high,
            level=context.policy.level,
            method="Clopper-Pearson",
            signature=f"operator:{operator.value}|{detector_signature(context)}",
            outcome=outcome.value,
            threshold="every planted name gets one pseudonym",
            evidence=context.rerun("PII-008"),
            detail={
                "says": f"{number(same)} of {counted(n, 'planted name')} got one pseudonym in all spellings; "
                f"shared with another of these names: {number(shared)}.",
                "shared": shared,
            },
        )
    ]


def _folded(name: str) -> str:
    """A name without case: I is the capital of i and of the dotless one."""
    return " ".join(name.casefold().replace("ı", "i").replace("\u0307", "").split())


def group_anonymity(context: Context) -> list[Fact]:
    """PII-009: k of k-anonymity (Sweeney 2002) over the group columns: the fewest rows that are alike in all."""
    columns = context.groups
    if not columns:
        return [
            context.not_run("PII-009", "There are no group columns that could single anyone out.", "rows")
        ]
    try:
        from pycanon import anonymity
    except ImportError:
        raise MissingPackage(
            "pycanon is not installed", "install it: pip install -c constraints.txt -e '.[audit]'"
        ) from None
    frame = context.frame("record_id", *columns).select(columns)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pycanon groups in a way that pandas is about to change
        k = int(anonymity.k_anonymity(frame.fill_null("(none)").to_pandas(), columns))
    sizes = frame.group_by(columns).len()["len"]
    least = context.policy.min_k
    few = int(sizes.filter(sizes < least).sum())
    return [
        context.fact(
            "PII-009",
            float(k),
            "rows",
            n=frame.height,
            method="k-anonymity, pycanon; complete count",
            signature="columns:" + ",".join(columns),
            outcome=(Outcome.PASS if k >= least else Outcome.WARN).value,
            threshold=f"at least {least} rows alike in all group columns",
            evidence=context.rerun("PII-009"),
            detail={
                "says": f"Every row shares its {', '.join(columns)} with at least {counted(k - 1, 'other')}; "
                f"{number(few)} of {counted(frame.height, 'row')} with fewer than {number(least - 1)}.",
                "few": few,
                "classes": len(sizes),
            },
        )
    ]
