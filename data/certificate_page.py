"""The certificate of an erasure as a page, from its JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from data.facts import Outcome
from data.report import Block, Callout, Cell, Commands, Paragraph, Report, Section, Table
from data.report.wording import counted


def page(content: dict[str, Any]) -> Report:
    """The certificate as a page, from `body`."""
    found, deleted = content["found"], content["deleted"]
    return Report(
        title=f"Erasure certificate {content['certificate']}",
        kicker="Erasure on a person's request",
        subject={
            "Made": content["made"],
            "By": content["by"] or "OPEN",
            "Store": Path(content["store"]).name,
            "Digest of this certificate": content["digest"],
            "Made with": content["software"],
        },
        outcome=content["outcome"],
        outcome_note={
            Outcome.PASS.value: "Everything that was found is gone.",
            Outcome.WARN.value: "What this software can erase is gone; see what it could not do.",
            Outcome.FAIL.value: "Something is left where it should be gone.",
        }[content["outcome"]],
        summary=(
            f"Asked for: {counted(content['request']['values'], 'value')} by which a person is known. "
            f"Found in {counted(len(found['records']), 'record')} of the data. Deleted: "
            f"{counted(deleted['texts'], 'text')}. Rewritten or removed: "
            f"{counted(len(deleted['files']), 'file')} made from the data. Ids of records, counts "
            "and reasons stay, so that the history of the data can still be told; the texts, their metadata and labels "
            "do not."
        ),
        sections=[
            Section("request", "What was asked", "The values themselves are not kept.", _request(content)),
            Section("found", "Where it was found", "Before the erasure.", _found(found)),
            Section("deleted", "What was deleted", "And what took its place.", _deleted(content)),
            Section(
                "search", "Search afterwards", "The bytes of files, after the erasure.", _search(content)
            ),
            Section("undone", "What could not be done", "By this software.", [_undone(content["not_done"])]),
            Section(
                "models", "Models", "Trained on the records that were erased.", _models(content["models"])
            ),
            Section("signed", "Sign-off", "By a person who answers for it.", [_sign_off(content)]),
        ],
        not_examined=[
            "What a model trained on the records may repeat.",
            "Copies that the store was not told of, and rows about the person that were added since.",
            "Personal data of this person that is written in none of the ways that were asked for.",
        ],
        created=content["made"],
    )


def _request(content: dict[str, Any]) -> list[Block]:
    request = content["request"]
    return [
        Table(
            ["", ""],
            [
                ["Values", request["values"]],
                ["Salted hash", Cell(request["hash"], code=True)],
                ["Salt", Cell(request["salt"], code=True)],
                ["Method", request["method"]],
            ],
            align=["left", "left"],
        ),
        Paragraph(
            "Who made the request can check with the values that this certificate answers it. Who does not know them "
            "can try values out, at about 50 ms a guess: keep the certificate as you keep the request."
        ),
    ]


def _found(found: dict[str, Any]) -> list[Block]:
    rows: list[list[Any]] = [
        [f"version {v['version']} ({v['stage']})", v["records"], f"{v['with_text']:,} with their text"]
        for v in found["versions"]
    ]
    rows += [[f"evaluation {a['evaluation_id']}", a["answers"], "answers"] for a in found["answers"]]
    rows += [[f"column {name}", count, "rows"] for name, count in found["notes"].items()]
    rows += [
        [
            Cell(f"{f['kind']} {Path(f['path']).name}", note=f["path"]),
            f["records"],
            counted(f["mentions"], "mention")
            + (f"; not read to its end: {f['unread']}" if "unread" in f else ""),
        ]
        for f in found["files"]
    ]
    if found["vault_entries"]:
        rows.append(["vault", found["vault_entries"], "places"])
    ways: dict[str, int] = {}
    for how in found["records"].values():
        for way in how:
            ways[way] = ways.get(way, 0) + 1
    told = ", ".join(f"{count:,} by {way}" for way, count in sorted(ways.items())) or "none"
    blocks: list[Block] = [Paragraph(f"Records: {len(found['records']):,} ({told}).")]
    if len(found.get("by_value", ())) > 1:
        each = [f"value {own['value']}: {counted(own['records'], 'record')}" for own in found["by_value"]]
        blocks.append(Paragraph(f"In the order in which they were asked for, {', '.join(each)}."))
    if rows:
        blocks.append(Table(["Place", "Records or rows", ""], rows, align=["left", "right", "left"]))
    if found["records"]:
        blocks.append(
            Commands(
                [" ".join(sorted(found["records"])[i : i + 4]) for i in range(0, len(found["records"]), 4)][
                    :25
                ],
                "Ids of the records:",
            )
        )
    return blocks


def _deleted(content: dict[str, Any]) -> list[Block]:
    deleted = content["deleted"]
    rows: list[list[Any]] = [
        ["texts of the store", f"{deleted['texts']:,} deleted; the file was written anew"]
    ]
    rows += [
        [Cell(f"{f['kind']} {Path(f['path']).name}", note=f["path"]), f["done"]] for f in deleted["files"]
    ]
    if deleted["vault"]:
        rows.append(
            [
                "vault",
                f"{counted(deleted['vault']['places'], 'place')} of these records erased, "
                f"{counted(deleted['vault']['originals'], 'original')}",
            ]
        )
    rows += [
        [
            f"version {s['version']}" + (f" ({', '.join(s['tags'])})" if s["tags"] else ""),
            f"without them: {s['successor']}, which export and training take",
        ]
        for s in content["successors"]
    ]
    return [Table(["What", "Done"], rows, align=["left", "left"])]


def _search(content: dict[str, Any]) -> list[Block]:
    search = content["search"]
    blocks: list[Block] = [
        Table(
            ["Looked for", "Before", "After"],
            [
                [
                    Cell(
                        "deleted texts in the bytes of the store",
                        note=f"{search['seekable']:,} of {counted(search['texts'], 'text')} with a stretch of 16 "
                        "bytes that no kept text holds",
                    ),
                    search["store_before"],
                    search["store_after"],
                ],
                [
                    "the values in the tables of the store",
                    _stood_in_store(content["found"]),
                    search["values_in_store"],
                ],
                *_vault_searched(content["deleted"]["vault"]),
                [
                    Cell("the values in other files", note=counted(search["files_searched"], "file")),
                    sum(f["mentions"] for f in content["found"]["files"]),
                    sum(f["mentions"] for f in search["value_in_files"]),
                ],
            ],
            align=["left", "right", "right"],
        )
    ]
    if search["value_in_files"]:
        names = ", ".join(f"{f['kind']} {Path(f['path']).name}" for f in search["value_in_files"][:8])
        blocks.append(Callout(f"The values still stand in: {names}.", outcome=Outcome.WARN.value))
    if search["interrupted"]:
        blocks.append(
            Paragraph(
                "The erasure was interrupted and completed later: other files were searched for the values only."
            )
        )
    return blocks


def _stood_in_store(found: dict[str, Any]) -> int:
    """Counted as the search afterwards counts: records by what they say, rows of other columns, evaluations."""
    said: int = sum(bool({"text", "metadata"}.intersection(how)) for how in found["records"].values())
    rows: int = sum(found["notes"].values())
    return said + rows + len(found["answers"])


def _vault_searched(vault: dict[str, Any] | None) -> list[list[Any]]:
    # An erasure that leaves one of them ends with an error, and there is no certificate.
    if not vault or not vault["originals"]:
        return []
    return [["encrypted originals in the bytes of the vault", vault["originals"], 0]]


def _undone(said: list[str]) -> Table:
    return Table(["What is left, and whose it is"], [[one] for one in said], align=["left"])


def _models(models: list[dict[str, Any]]) -> list[Block]:
    if not models:
        return [Paragraph("No model was trained on these records.")]
    return [
        Table(
            ["Run", "Version", "Records", "Digest of the weights"],
            [
                [m["run_id"], m["version"], m["records"], Cell(m["weights_digest"] or "none", code=True)]
                for m in models
            ],
        ),
        Callout(
            "Train again on the successor version, or have a person accept what these models may remember.",
            outcome=Outcome.WARN.value,
        ),
    ]


def _sign_off(content: dict[str, Any]) -> Table:
    return Table(
        ["", ""],
        [
            ["What is signed", Cell(content["digest"], code=True)],
            ["Name and role", "OPEN"],
            ["Date", "OPEN"],
            ["Signature", "OPEN"],
        ],
        caption="The digest is the SHA-256 of the JSON file's canonical form without 'digest' and 'signature'.",
        align=["left", "left"],
    )
