"""An evaluation as a report: what was concluded, then the numbers, then the answers themselves."""

from __future__ import annotations

from collections.abc import Sequence

from data.report import (
    Block,
    Callout,
    Cell,
    Commands,
    Details,
    Paragraph,
    Report,
    Section,
    SideBySide,
    Table,
)
from data.report.wording import number
from eval.classify_exhibits import class_table, confusion_blocks, verdicts_on_baselines
from eval.compare import Conclusion
from eval.exhibits import bars, difference_table, heading, histogram, lengths, score_table, suite_table
from eval.metrics import METRICS
from eval.result import Result
from eval.samples import choose, ranking
from eval.scores import Scored
from eval.words import ROLE_WORDS, signed, summary, title_of


def report_of(result: Result) -> Report:
    """The report of `result`; every number in it is one of `result.facts`."""
    sections = [_slice_section(result, scored) for scored in result.slices]
    if result.suite is not None and result.suite.by_role:
        lead = f"Tasks of lm-evaluation-harness, suite `{result.suite.name}`, asked of both models in the same way."
        sections.append(Section("suite", f"Suite: {result.suite.name}", lead, [suite_table(result)]))
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
    blocks: list[Block] = [*_warnings(scored), score_table(result, scored), bars(result, scored)]
    if scored.classes:
        blocks[:0] = verdicts_on_baselines(scored)
    for pair, comparisons in scored.comparisons.items():
        blocks.append(difference_table(pair, comparisons))
    if scored.classes:
        blocks += [class_table(result, scored), *confusion_blocks(scored)]
        return Section(f"slice-{name}", f"Slice: {name}", lead, blocks)
    spread = histogram(scored)
    if spread is not None:
        blocks.append(spread)
    blocks.append(lengths(result, scored))
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
    cut = scored.cut.get("tuned", 0)
    if cut > len(scored.slice.items) / 20:
        found.append(
            Callout(
                f"{cut:,} of {len(scored.slice.items):,} answers of the tuned model ended at the limit of tokens: "
                "they are scored as they stand. Raise `generation.max_new_tokens`, or see why the model does not stop.",
                "Answers cut short",
                "WARN",
            )
        )
    copied = scored.comparisons.get(("copy_nearest", "tuned"), {})
    lost = [title_of(metric) for metric, c in copied.items() if c.conclusion is Conclusion.worse]
    if lost:
        found.append(
            Callout(
                f"On {', '.join(lost)} the tuned model is worse than copying the nearest training answer. "
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
            columns += [(heading(role), scored.answers[role][sample.position] or "(empty)") for role in shown]
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
    if result.main.classes:
        words += (
            "\n\nThe base model is the same one with a new head, untrained. Majority and linear model (TF-IDF of words "
            "and pairs of words, logistic regression) were trained on the rows of the run. A macro score is the plain "
            "mean over the labels that are true of some item."
        )
    elif result.evaluation.run is not None:
        greedy = config.generation.temperature == 0
        words += (
            f"\n\nAnswers: {'greedy' if greedy else f'sampled at temperature {config.generation.temperature}'}, "
            f"at most {config.generation.max_new_tokens} tokens, base and tuned with the same prompts and weights."
        )
    lines = [f"python -m data facts {result.evaluation.evaluation_id}"]
    return Section(
        "method", "How it was measured", "", [Paragraph(words), table, Commands(lines, "The stored facts:")]
    )


def _not_examined(result: Result) -> list[str]:
    if result.main.classes:
        return ["Whether the probabilities that stand behind the labels can be believed (calibration)."]
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
