"""The checks: a literal table of what exists, and the running of those that were asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from audit import (
    agreement,
    imbalance,
    lineage,
    pii_bytes,
    pii_independent,
    pii_people,
    pii_planted,
    pii_truth,
    privacy,
    quality,
    removal,
    representation,
    rights,
    sources,
    tasks,
)
from audit.context import Context
from data.errors import ConfigError, MissingPackage, closest
from data.facts import Fact
from data.progress import progress


@dataclass(frozen=True, slots=True)
class Check:
    """A check.

    id, title      `QUA-001`, and two to four words
    question       what it answers, in plain words
    family         chapter of the report: sources, lineage, quality, privacy or fairness
    measure        makes its facts; the first, with slice `all`, stands for the check
    requirements   provisions to which it gives evidence: our reading of them, not legal advice
    """

    id: str
    title: str
    question: str
    family: str
    measure: Callable[[Context], list[Fact]]
    requirements: tuple[str, ...]


CHECKS: dict[str, Check] = {
    check.id: check
    for check in (
        Check(
            "SRC-001", "Licence known", "Is a licence stated for every row?", "sources", sources.licence_known,
            ("EU AI Act Art. 10(2)(b)", "EU AI Act Art. 53(1)(c)", "NIST AI RMF MAP 4.1"),
        ),
        Check(
            "LIN-001", "Rows balance", "Is every row that came or went accounted for?", "lineage", lineage.rows_balance,
            ("EU AI Act Art. 10(2)(c)", "EU AI Act Annex IV 2(d)", "NIST AI RMF MAP 2.3"),
        ),
        Check(
            "LIN-002", "Rows traceable", "Does every training row lead back to a raw line?", "lineage",
            lineage.rows_traceable, ("EU AI Act Art. 10(2)(b)", "EU AI Act Annex IV 2(d)", "NIST AI RMF MAP 2.3"),
        ),
        Check(
            "QUA-001", "Near-duplicates", "How many rows nearly repeat another row?", "quality",
            quality.near_duplicates, ("EU AI Act Art. 10(3)", "NIST AI RMF MEASURE 2.5"),
        ),
        Check(
            "QUA-002", "Contamination", "Do rows hold items of evaluation sets?", "quality", quality.contamination,
            ("EU AI Act Annex IV 2(g)", "NIST AI RMF MEASURE 2.1"),
        ),
        Check(
            "QUA-003", "Annotator agreement", "Do people who labelled the same rows agree?", "quality",
            agreement.annotator_agreement, ("EU AI Act Art. 10(2)(c)", "NIST AI RMF MEASURE 2.5"),
        ),
        Check(
            "QUA-005", "Examples per task", "Has each task enough examples?", "quality", tasks.task_sizes,
            ("EU AI Act Art. 10(2)(e)", "NIST AI RMF MEASURE 2.5"),
        ),
        Check(
            "PII-001", "Personal data left", "Does the scrubbing's detector still find personal data?", "privacy",
            privacy.personal_data_left, ("GDPR Art. 5(1)(c)", "GDPR Art. 25", "NIST AI RMF MEASURE 2.10"),
        ),
        Check(
            "PII-002", "Independent re-scan", "Does a second, independent family of detectors find personal data?",
            "privacy", pii_independent.independent_rescan, ("GDPR Art. 5(1)(c)", "GDPR Art. 25"),
        ),
        Check(
            "PII-003", "Originals gone", "Are the originals of what was scrubbed gone, and where are they still?",
            "privacy", pii_bytes.originals_gone, ("GDPR Art. 5(1)(e)", "GDPR Art. 25", "GDPR Art. 32"),
        ),
        Check(
            "PII-004", "Planted recall", "How much of planted personal data does the detector find, at the worst?",
            "privacy", pii_planted.planted_recall, ("GDPR Art. 25", "NIST AI RMF MEASURE 2.10"),
        ),
        Check(
            "PII-005", "Recall parity", "Does the detector find names of all origins, and lower case, alike?",
            "privacy", pii_planted.recall_parity, ("EU AI Act Art. 10(2)(f)", "NIST AI RMF MEASURE 2.11"),
        ),
        Check(
            "PII-006", "Leaks found by people", "What do people still find who read a sample?",
            "privacy", pii_people.leaks_by_people, ("GDPR Art. 25", "NIST AI RMF MEASURE 2.10"),
        ),
        Check(
            "PII-007", "Over-redaction", "How often is something masked that is no personal data?",
            "privacy", pii_planted.over_redaction, ("EU AI Act Art. 10(3)",),
        ),
        Check(
            "PII-008", "Pseudonyms consistent", "Does one person get one pseudonym?",
            "privacy", pii_people.pseudonyms_consistent, ("GDPR Art. 4(5)",),
        ),
        Check(
            "PII-009", "Group anonymity", "Do the group columns single anyone out?",
            "privacy", pii_people.group_anonymity, ("GDPR Rec. 26",),
        ),
        Check(
            "PII-010", "Secrets", "Are there keys, tokens or passwords in the texts?",
            "privacy", pii_independent.secrets_left, ("GDPR Art. 32", "NIST AI RMF MEASURE 2.7"),
        ),
        Check(
            "PII-011", "Labelled truth", "How much of what people labelled does the detector find?",
            "privacy", pii_truth.labelled_truth, ("GDPR Art. 25", "NIST AI RMF MEASURE 2.10"),
        ),
        Check(
            "RTS-001", "Persons found", "Are a person's records found when asked for?",
            "privacy", rights.records_found, ("GDPR Art. 15",),
        ),
        Check(
            "RTS-002", "Erasure closed", "Is everything gone of those who asked to be forgotten?",
            "privacy", rights.erasure_closed, ("GDPR Art. 17",),
        ),
        Check(
            "FAI-001", "Representation", "Is each group in the data as it should be?", "fairness",
            representation.representation, ("EU AI Act Art. 10(3)", "EU AI Act Art. 10(4)", "NIST AI RMF MEASURE 2.11"),
        ),
        Check(
            "FAI-002", "Imbalance by group", "Do labels, scores or answer lengths differ by group?", "fairness",
            imbalance.imbalance, ("EU AI Act Art. 10(2)(f)", "NIST AI RMF MEASURE 2.11"),
        ),
        Check(
            "FAI-010", "Removal parity", "Did a stage remove more of one group than of all others?", "fairness",
            removal.removal_parity, ("EU AI Act Art. 10(2)(f)", "EU AI Act Art. 10(2)(g)", "NIST AI RMF MEASURE 2.11"),
        ),
    )
}  # fmt: skip

# What no check of this edition looks at. It stands on the cover of every report.
NOT_COVERED = (
    "Whether the licences are compatible with each other and with the use, and whether opt-outs were honoured.",
    "Personal data that neither the scrubbing's detector nor the independent one can see, and no person found.",
    "The truth, tone and toxicity of the texts.",
    "What a model trained on these rows says or remembers: this report is about data.",
)


def selected(names: Sequence[str]) -> list[Check]:
    """The checks with these ids, in the table's order; all for an empty list. Raises ConfigError."""
    for name in names:
        if name.upper() not in CHECKS:
            raise ConfigError(f"checks: there is no check '{name}'", closest(name.upper(), CHECKS))
    wanted = {name.upper() for name in names} or set(CHECKS)
    return [check for check in CHECKS.values() if check.id in wanted]


def run_checks(context: Context, checks: Sequence[Check]) -> list[Fact]:
    """The facts of the checks. One that needs a package that is not installed is NOT_RUN, and says so."""
    facts: list[Fact] = []
    with progress("Auditing", total=len(checks)) as advance:
        for check in checks:
            try:
                facts += check.measure(context)
            except MissingPackage as error:
                facts.append(context.not_run(check.id, error.problem[:1].upper() + error.problem[1:] + "."))
            advance(1)
    return facts
