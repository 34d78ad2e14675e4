"""An evaluation as a report: what was concluded, then the numbers, then the answers themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from data.report import (
    Block,
    Callout,
    Cell,
    Chart,
    Commands,
    Details,
    Paragraph,
    Report,
    Section,
    SideBySide,
    Table,
    charts,
)
from data.report.blocks import Align
from data.report.wording import number
from eval.compare import Comparison, Conclusion
from eval.metrics import METRICS
from eval.result import Result
from eval.samples import choose, ranking
from eval.scores import Scored
from eval.words import ROLE_WORDS, badge, p_words, signed, summary, title_of


def report_of(result: Result) -> Report:
    """The report of `result`; every number in it is one of `result.facts`."""
    sections = [_slice_section(result, scored) for scored in result.slices]
    if result.suite is not None and result.suite.by_role:
        sections.append(_suite_section(result))
    sections += [section for scored in result.slices if (section := _samples_section(result, scored))]
    sections.append(_method_section(result))
    pair = result.main.pair
    title = f"{ROLE_WORDS[pair[1]]} against {ROLE_WORDS[pair[0]]}" if pair else "Scores of a file of answers"
    return Report(
        title=title[0].upper() + title[1:],
        kicker="Evaluation report",
        subject=result.subject,
        outcome=result.outcome,
        summary=summary(result),
        sections=sections,
        not_examined=_not_examined(result),
        reproduce=[result.command],
        facts=result.facts,
    )


def _slice_section(result: Result, scored: Scored) -> Section:
    name = scored.slice.name
    lead = f"{len(scored.slice.items):,} items: {scored.slice.origin}."
    if scored.slice.left_out:
        lead += f" {scored.slice.left_out:,} records without a question and an answer were left out."
    blocks: list[Block] = [*_warnings(scored), _score_table(result, scored), _bars(result, scored)]
    for pair, comparisons in scored.comparisons.items():
        blocks.append(_difference_table(pair, comparisons))
    histogram = _histogram(scored)
    if histogram is not None:
        blocks.append(histogram)
    blocks.append(_lengths(result, scored))
    return Section(f"slice-{name}", f"Slice: {name}", lead, blocks)


def _warnings(scored: Scored) -> list[Block]:
    found: list[Block] = []
    if scored.seen:
        found.append(
            Callout(
                f"{len(scored.seen):,} of {len(scored.slice.items):,} prompts were also asked in training. "
                "Scores on them measure memory.",
                "Prompts seen in training",
                "WARN",
            )
        )
    copied = scored.comparisons.get(("copy_nearest", "tuned"), {})
    lost = [title_of(metric) for metric, c in copied.items() if c.conclusion is Conclusion.worse]
    if lost:
        found.append(
            Callout(
                f"On {', '.join(lost)} the tuned model is worse than copying the answer of the nearest training prompt. "
                "A gain over the base model is then no sign that it has learnt to write.",
                "Copying does better",
                "WARN",
            )
        )
    few = [c for of in scored.comparisons.values() for c in of.values() if c.conclusion is Conclusion.too_few]
    if few:
        found.append(
            Callout(
                f"{few[0].n} items are too few for an interval to be believed; "
                f"at least {max(c.n_needed or 0 for c in few):,} are needed.",
                "Too few items",
                "INSUFFICIENT",
            )
        )
    return found


def _score_table(result: Result, scored: Scored) -> Table:
    """Metrics down, roles across, each with its interval."""
    rows: list[list[Cell]] = []
    for metric in result.config.metrics:
        if not any(metric in scored.tallies[role] for role in scored.roles):
            continue
        cells = [Cell(METRICS[metric].title, note=METRICS[metric].reads)]
        for role in scored.roles:
            tally = scored.tallies[role].get(metric)
            span = scored.intervals[role].get(metric)
            if tally is None or span is None:
                cells.append(Cell(None, note="not measured"))
            else:
                cells.append(Cell(number(tally.value), note=f"{number(span.low)} to {number(span.high)}"))
        rows.append(cells)
    level = f"{result.config.bootstrap.level:.0%}".replace("%", " %")
    return Table(
        ["Metric", *(_heading(role) for role in scored.roles)],
        rows,
        caption=f"Scores with their {level} intervals over {len(scored.slice.items):,} items. "
        + (
            "Lower is better for perplexity; higher for all others."
            if "perplexity" in scored.tallies[scored.roles[0]]
            else ""
        ),
        align=_aligned(len(scored.roles)),
    )


def _difference_table(pair: tuple[str, str], comparisons: Mapping[str, Comparison]) -> Table:
    first, second = (ROLE_WORDS[role] for role in pair)
    rows = [
        [
            Cell(title_of(metric)),
            *difference_cells(found),
            _conclusion(found),
        ]
        for metric, found in comparisons.items()
    ]
    return Table(
        ["Metric", "Difference", "p", "p adjusted", "Conclusion"],
        rows,
        caption=f"{second[0].upper() + second[1:]} minus {first}, on the same items. "
        "p is adjusted by Holm for the number of metrics.",
        align=["left", "right", "right", "right", "left"],
    )


def difference_cells(found: Comparison) -> list[Cell]:
    """The difference with its interval drawn around zero, p, and p adjusted."""
    reach = 1.08 * max(abs(found.low), abs(found.high), abs(found.difference)) or 1.0

    def place(value: float) -> float:
        return 0.5 + value / reach / 2

    span = (place(found.low), place(found.difference), place(found.high), 0.5)
    return [
        Cell(signed(found.difference), note=f"{signed(found.low)} to {signed(found.high)}", span=span),
        Cell(p_words(found.p), note=found.method),
        Cell(p_words(found.p_adjusted)),
    ]


def _conclusion(found: Comparison) -> Cell:
    """The badge, and how many more items an open conclusion needs."""
    needs = "" if found.more_items is None else found.words().partition("(")[2].rstrip(")")
    return Cell("", outcome=badge(found.conclusion), note=needs)


def _bars(result: Result, scored: Scored) -> Chart:
    rows = [
        {
            "name": METRICS[metric].title,
            "series": _heading(role),
            "value": scored.tallies[role][metric].value / top,
            "low": scored.intervals[role][metric].low / top,
            "high": scored.intervals[role][metric].high / top,
        }
        for metric in result.config.metrics
        if (top := METRICS[metric].top) is not None
        for role in scored.roles
        if metric in scored.tallies[role]
    ]
    words = ", ".join(ROLE_WORDS[role] for role in scored.roles)
    return Chart(
        lambda: charts.compare(rows, title="share of the metric's highest value", share=True),
        caption=f"Slice {scored.slice.name}: {words}. Lines are intervals of the score of each alone.",
        alt=f"Bars of each metric on the slice {scored.slice.name} for {words}; the table above has the numbers.",
        rows=rows,
    )


def _histogram(scored: Scored) -> Chart | None:
    ranked = ranking(scored)
    if ranked is None or len(scored.slice.items) < 8:
        return None
    metric, values = ranked
    title = METRICS[metric].title
    points = [float(value) / (METRICS[metric].top or 1.0) * 100 for value in values]
    what = f"{title} of an item, of 100" + (
        f": {scored.pair[1]} minus {scored.pair[0]}" if scored.pair else ""
    )
    bins = min(24, max(6, len(values) // 4))
    up, down = int((values > 1e-9).sum()), int((values < -1e-9).sum())
    caption = (
        f"{up:,} items gained, {down:,} lost, {len(values) - up - down:,} are unchanged."
        if scored.pair
        else f"How the {len(values):,} items spread."
    )
    return Chart(
        lambda: charts.histogram(
            points,
            title=what,
            bins=bins,
            counted="items",
            mark=0.0 if scored.pair else None,
        ),
        caption=caption,
        alt=f"Histogram of {what}. {caption}",
        rows=[
            {"item": item.id, metric: round(float(value), 4)}
            for item, value in zip(scored.slice.items, values, strict=True)
        ],
    )


def _lengths(result: Result, scored: Scored) -> Details:
    names = ("answer_words", "answer_length_ratio", "empty_answers", "prompts_seen_in_training")
    rows: list[list[str]] = [
        [fact.name.replace("_", " "), fact.slice, number(fact.value), fact.unit]
        for fact in result.facts
        if fact.name in names and fact.slice.split(",")[0] == f"slice={scored.slice.name}"
    ]
    table = Table(["What", "Of", "Value", "Unit"], rows, align=["left", "left", "right", "left"])
    seen = "" if scored.seen is None else ", and prompts that training had seen"
    return Details(f"Length and emptiness of the answers{seen}", [table])


def _suite_section(result: Result) -> Section:
    suite = result.suite
    assert suite is not None
    roles = list(suite.by_role)
    rows: list[list[Cell]] = []
    for number_of, score in enumerate(suite.by_role[roles[0]]):
        cells = [Cell(f"{score.task}: {score.metric}", note=f"{score.n:,} documents")]
        for role in roles:
            mine = suite.by_role[role][number_of]
            span = mine.interval(result.config.bootstrap)
            cells.append(
                Cell(
                    number(mine.value),
                    note="" if span is None else f"{number(span.low)} to {number(span.high)}",
                )
            )
        found = suite.comparisons.get((score.task, score.metric))
        if found is None:
            cells += [Cell(None), Cell(None), Cell(None), Cell("not compared: no mean over items")]
        else:
            cells += [*difference_cells(found), _conclusion(found)]
        rows.append(cells)
    table = Table(
        ["Task", *(_heading(role) for role in roles), "Difference", "p", "p adjusted", "Conclusion"],
        rows,
        caption="Intervals of a score come from the harness's standard error; differences are paired by document.",
        align=[*_aligned(len(roles) + 3), "left"],
    )
    lead = (
        f"Tasks of lm-evaluation-harness, suite `{suite.name}`, asked of both models with the same settings."
    )
    return Section("suite", f"Suite: {suite.name}", lead, [table])


def _samples_section(result: Result, scored: Scored) -> Section | None:
    samples = choose(scored, result.config.samples, result.config.bootstrap.seed)
    if not samples:
        return None
    ranked = ranking(scored)
    shown = [role for role in scored.roles if role in ("base", "tuned", "baseline", "prediction")][-2:]
    blocks: list[Block] = []
    for why in dict.fromkeys(sample.why for sample in samples):
        blocks.append(Paragraph(f"{why[0].upper() + why[1:]}:"))
        for sample in (one for one in samples if one.why == why):
            item = scored.slice.items[sample.position]
            change = (
                f" · {METRICS[ranked[0]].title} {signed(sample.value)}"
                if ranked and sample.value is not None
                else ""
            )
            many = f" (1 of {len(item.references)})" if len(item.references) > 1 else ""
            columns = [(f"reference{many}", item.references[0])]
            columns += [
                (_heading(role), scored.answers[role][sample.position] or "(empty)") for role in shown
            ]
            blocks.append(
                SideBySide(
                    columns,
                    diff=True,
                    title=f"{item.id}{change}",
                    notes=_notes(scored, shown, sample.position),
                )
            )
            more: list[Block] = [Paragraph(item.question)] if item.prompt else []
            if "copy_nearest" in scored.answers:
                note = scored.notes.get("copy_nearest", [""] * len(scored.slice.items))[sample.position]
                more.append(Paragraph(f"Copied from the nearest training prompt ({note}):"))
                more.append(Paragraph(scored.answers["copy_nearest"][sample.position]))
            if more:
                blocks.append(Details("Prompt" + (" and copied answer" if len(more) > 1 else ""), more))
    lead = "The words by which an answer differs from the reference are marked."
    return Section(f"answers-{scored.slice.name}", f"Answers: {scored.slice.name}", lead, blocks)


def _notes(scored: Scored, roles: Sequence[str], position: int) -> list[str]:
    notes = [""]
    for role in roles:
        each = scored.tallies[role]
        shown = [m for m in ("bleu", "rouge_l", "exact_match") if m in each]
        notes.append(", ".join(f"{METRICS[m].title} {number(float(each[m].items[position]))}" for m in shown))
    return notes


def _method_section(result: Result) -> Section:
    config = result.config
    signatures = {
        fact.signature: fact.name
        for fact in result.facts
        if fact.signature and "_difference" not in fact.name
    }
    table = Table(
        ["Metric", "Signature"],
        [[title_of(name), Cell(signature, code=True)] for signature, name in signatures.items()],
        caption="Every setting that a score depends on. Scores with different signatures cannot be compared.",
    )
    words = (
        f"Intervals and p: paired bootstrap (Koehn 2004), {config.bootstrap.resamples:,} resamples of items, seed "
        f"{config.bootstrap.seed}; right-or-wrong metrics: McNemar's exact test; p adjusted by Holm (1979) over the "
        'metrics of a slice. "More items needed" is the number with which a true difference of the size found would be '
        "seen four times in five."
    )
    if result.evaluation.run is not None:
        greedy = config.generation.temperature == 0
        words += (
            f"\n\nAnswers: {'greedy' if greedy else f'sampled at temperature {config.generation.temperature}'}, "
            f"at most {config.generation.max_new_tokens} tokens, base and tuned with the same prompts and weights."
        )
    lines = [f"python -m data facts --subject {result.evaluation.evaluation_id}"]
    return Section(
        "method", "How it was measured", "", [Paragraph(words), table, Commands(lines, "The stored facts:")]
    )


def _not_examined(result: Result) -> list[str]:
    found = []
    if result.evaluation.run is None:
        found.append("Perplexity: it needs the model, and a file of answers has none.")
        if result.main.pair is None:
            found.append("Whether another system does better: the rows have no baseline field.")
    else:
        if result.suite is None:
            found.append("General ability: no task suite was asked (suite=none).")
        if len(result.slices) == 1:
            found.append("Prompts unlike the training data: no further slice was given (extra_files=[]).")
        if "copy_nearest" not in result.main.roles:
            found.append("Whether copying the nearest training answer does as well (copy_nearest=false).")
    found.append("Whether people find the answers good: these metrics count shared words, not sense.")
    return found


def _heading(role: str) -> str:
    return {"copy_nearest": "copied"}.get(role, role)


def _aligned(numbers: int) -> list[Align]:
    """Alignment of a name and `numbers` columns of numbers."""
    right: list[Align] = ["right"] * numbers
    return ["left", *right]
