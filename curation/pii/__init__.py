"""The stage `pii`: personal data in the messages becomes typed placeholders, or what `pii.operator` puts in its place.

    jane@example.com wrote to John Smith   ->   <EMAIL_ADDRESS> wrote to <PERSON>

It masks what its detectors find. That is less than all there is (see `config.DEFAULT_ENTITIES` for the measured
recall of each type), so a masked record is not an anonymous one. Labels and metadata columns are not touched.
"""

from __future__ import annotations

import polars as pl

from curation.pii.config import Engine, Operator, PiiConfig
from curation.pii.detect import Scanner, scan
from curation.pii.finding import NAME_TYPES, Finding, other_script
from curation.pii.instead import Operators
from curation.pii.languages import other_language
from curation.pii.masking import Masked, mask
from curation.pii.patterns import scan_patterns
from curation.pii.versions import detector_version
from data.key import load_key
from data.records import Records, text_hash
from data.vault import Vault
from data.verdicts import Action, Verdicts, verdicts

__all__ = [
    "COLUMNS",
    "REASONS",
    "Engine",
    "Finding",
    "Operator",
    "PiiConfig",
    "fingerprint",
    "judge",
    "judge_batch",
    "keep_originals",
    "scan",
    "scan_patterns",
]

COLUMNS = ("record_id", "messages", "replaced")
REASONS = {
    "pii_masked": "Personal data was found and replaced.",
    "pii_dense": "The record holds more personal data than pii.drop_over allows.",
    "pii_other_script": "Mostly in a script that the name model cannot read: names in it were not looked for.",
    "pii_other_language": "In a language that is not one of pii.languages: names in it are found less surely.",
    "pii_found": "Personal data was found and left in place (pii.operator=tag).",
}


def judge(records: Records, config: PiiConfig) -> Verdicts:
    """Verdicts on every record with a finding; `score` is the number of findings."""
    if not config.enabled:
        return verdicts()
    operators = Operators(config)
    # The best engine takes seconds for a thousand texts: the bar moves more often.
    batches = records.batches(*COLUMNS, rows=500 if config.engine is Engine.best else 10_000)
    with Scanner(config, records=len(records)) as scanner:
        return pl.concat([verdicts(), *(_judge(batch, config, scanner, operators) for batch in batches)])


def judge_batch(batch: pl.DataFrame, config: PiiConfig) -> Verdicts:
    """The same for one frame with COLUMNS."""
    with Scanner(config) as scanner:
        return _judge(batch, config, scanner, Operators(config))


def fingerprint(config: PiiConfig) -> str:
    """What the verdicts depend on besides records, configuration and code: version of the detector, fingerprint of the
    key, id of the vault.

    Names are drawn from Faker's lists, so its version counts too. Raises UserError where there is no key, no vault, or
    another key's vault.
    """
    parts = [f"detector:{detector_version(config)}"]
    if not config.wants_key:
        return parts[0]
    from faker import VERSION

    key = load_key(config.key_file)
    parts += [f"key:{key.fingerprint}", f"faker:{VERSION}"]
    if config.vault:
        with Vault.open(config.vault, key) as vault:
            parts.append(f"vault:{vault.id}")
    return ",".join(parts)


def keep_originals(said: Verdicts, config: PiiConfig) -> None:
    """Write the originals of what was replaced, encrypted as they are, to the vault.

    It is done before the version is made: a crash between the two leaves entries without a version, which the next run
    finds there, and never a version without its entries.
    """
    if not (config.enabled and config.vault):
        return
    edits = said.filter(pl.col("sealed").is_not_null()).select("record_id", "messages", "sealed")
    with Vault.open(config.vault, load_key(config.key_file)) as vault:
        vault.add(
            (record_id, text_hash(messages), sealed) for record_id, messages, sealed in edits.iter_rows()
        )


def _judge(batch: pl.DataFrame, config: PiiConfig, scanner: Scanner, operators: Operators) -> Verdicts:
    masked = mask(batch["messages"].to_list(), scanner, operators, batch["replaced"].to_list())
    ids = batch["record_id"].to_list()
    said = [
        _verdict(record_id, record, config)
        for record_id, record in zip(ids, masked, strict=True)
        if record.counts
    ]
    if config.engine != Engine.patterns and NAME_TYPES & set(config.entities):
        texts = ["\n".join(m["content"] for m in messages) for messages in batch["messages"].to_list()]
        said += _unread(ids, texts, config)
    return verdicts(said)


def _unread(ids: list[str], texts: list[str], config: PiiConfig) -> list[dict[str, object]]:
    """A tag on each record in a script or a language that the models were not made for."""
    scripts, languages = other_script(texts), other_language(texts, config.languages)
    return [
        {
            "record_id": record_id,
            "action": Action.tag,
            "reason": "pii_other_script" if script else "pii_other_language",
        }
        for record_id, script, language in zip(ids, scripts, languages, strict=True)
        if script or language
    ]


def _verdict(record_id: str, record: Masked, config: PiiConfig) -> dict[str, object]:
    count = record.counts.total()
    verdict = {"record_id": record_id, "score": float(count), "detail": record.detail}
    if config.drop_over is not None and count > config.drop_over:
        return {**verdict, "action": Action.drop, "reason": "pii_dense"}
    if config.operator is Operator.tag:
        return {**verdict, "action": Action.tag, "reason": "pii_found"}
    return {
        **verdict,
        "action": Action.edit,
        "reason": "pii_masked",
        "messages": record.messages,
        "value": record.replaced,
        "sealed": record.sealed or None,
    }
