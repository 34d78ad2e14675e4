"""Held-out rows, base against tuned: every method gains with an interval clear of zero."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conf.app import StoreConfig, compose
from data.report.document import plain
from data.store import Store
from eval.config import BootstrapConfig, EvalConfig, GenerationConfig
from eval.report import report_of
from eval.run import evaluate, keep
from train.config import TrainConfig
from train.methods import MethodConfig
from train.run import train

GAINING = ("full", "lora", "dora", "rslora")


def surprise(store: str, run: str, limit: int | None = None) -> Any:
    """Tuned against base: the perplexity of the reference answers of the test split."""
    config = EvalConfig(
        store=StoreConfig(path=store), run=run, metrics=["perplexity"], limit=limit, copy_nearest=False,
        generation=GenerationConfig(max_new_tokens=1), bootstrap=BootstrapConfig(resamples=500),
    )  # fmt: skip
    return evaluate(config).main.comparisons["base", "tuned"]["perplexity"]


@pytest.mark.parametrize("method", GAINING)
def test_a_tuned_decoder_is_less_surprised(
    tmp_path: Path, settings: Callable[..., TrainConfig], method: str
) -> None:
    config = settings(
        tmp_path, method=MethodConfig(name=method, r=8, alpha=16.0), steps=25, eval_steps=25, row_losses=0
    )
    assert train(config) == 0
    with Store.open(config.store.path, read_only=True) as store:
        run = store.runs()[-1]
    found = surprise(config.store.path, run.run_id)
    assert found.n == 12
    assert found.high < 0, found


@pytest.mark.slow
@pytest.mark.parametrize("method", [*GAINING, "prompt"])
def test_smollm2_learns_the_campaigns(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SmolLM2-135M on the sample's e-mails; about three minutes a method on two quiet cores. A prompt is as it is."""
    from curation.__main__ import run as curate
    from curation.config import CurationConfig

    store = tmp_path_factory.getbasetemp() / "campaigns.duckdb"
    if not store.is_file():
        data = ["experiment=email_campaign", "pii=patterns", f"store.path={store}", f"out={tmp_path}"]
        assert not curate(compose("curation", CurationConfig, data))
    rate = {"full": "2e-4", "prompt": "3e-2"}.get(method, "4e-3")
    choices = [
        "experiment=email_campaign", f"method={method}", f"learning_rate={rate}", "label_smoothing=0", "steps=12",
        "eval_steps=12", "validation_rows=8", "row_losses=0", "report_to=[none]", f"store.path={store}",
        f"out={tmp_path}",
    ]  # fmt: skip
    if method not in ("full", "prompt"):
        choices += ["method.r=8", "method.target_modules=[attention]"]
    assert train(compose("train", TrainConfig, choices)) == 0
    with Store.open(store, read_only=True) as opened:
        run = opened.runs()[-1]
    found = surprise(str(store), run.run_id, limit=24)
    if method != "prompt":
        assert found.high < 0, found


@pytest.fixture(scope="module")
def judged(classifier: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The evaluation of the classifier on its test split, kept, and its files."""
    config = EvalConfig(
        store=StoreConfig(path=classifier.config.store.path), run=classifier.run.run_id,
        out=str(tmp_path_factory.mktemp("judged")),
    )  # fmt: skip
    result = evaluate(config)
    return result, keep(result)


def test_a_classifier_beats_its_untuned_base_and_the_majority(judged: Any) -> None:
    scored = judged[0].main
    assert list(scored.answers) == ["base", "majority", "linear", "tuned"]
    assert set(scored.tallies["tuned"]) == {"accuracy", "macro_f1", "macro_precision", "macro_recall"}
    for rival in ("base", "majority"):
        for metric in ("accuracy", "macro_f1"):
            assert scored.comparisons[rival, "tuned"][metric].low > 0
    assert set(scored.answers["majority"]) == {"sale"} or len(set(scored.answers["majority"])) == 1


def test_each_label_has_its_scores_with_intervals(judged: Any, classifier: Any) -> None:
    result, _ = judged
    with Store.open(classifier.config.store.path, read_only=True) as store:
        facts = store.facts(result.evaluation.evaluation_id)
    for name in ("precision", "recall", "f1"):
        of_name = facts.filter(name=name)
        assert len(of_name) == 4 * 3
        assert (of_name["low"] <= of_name["value"] + 1e-9).all() and (
            of_name["value"] <= of_name["high"] + 1e-9
        ).all()
    (table,) = facts.filter(name="confusion", slice="slice=test,role=tuned")["detail"]
    counts = json.loads(table)["table"]
    assert sum(map(sum, counts)) == len(result.main.slice.items)
    right = sum(counts[n][n] for n in range(3)) / sum(map(sum, counts))
    assert facts.filter(name="accuracy", slice="slice=test,role=tuned")["value"].item() == pytest.approx(
        right
    )


def test_the_report_shows_what_is_taken_for_what_and_says_where_a_linear_model_does_as_well(
    judged: Any,
) -> None:
    result, paths = judged
    page = paths["html"].read_text()
    assert all(words in page for words in ("true \\ said", "label by label", "What is true (rows)", "<svg"))
    gain = result.main.comparisons["linear", "tuned"]["macro_f1"]
    if gain.high < 0:
        assert "A linear model of the words wins" in page
    elif gain.low <= 0:
        assert "No clear gain over a linear model of the words" in page
    assert json.dumps(plain(report_of(result).sections))


def test_metrics_of_texts_are_not_asked_of_labels(classifier: Any) -> None:
    from data.errors import ConfigError

    config = EvalConfig(
        store=StoreConfig(path=classifier.config.store.path), run=classifier.run.run_id, metrics=["bleu"]
    )
    with pytest.raises(ConfigError, match=r"bleu cannot be measured of task=classify(.|\n)*accuracy"):
        evaluate(config)


def test_class_metrics_are_those_of_scikit_learn() -> None:
    from sklearn.metrics import f1_score, precision_score, recall_score

    from eval.metrics import measure

    true = ["a", "b", "b", "c", "c", "c"]
    said = ["a", "b", "c", "c", "a", "z"]
    found = measure(
        ["accuracy", "macro_f1", "macro_precision", "macro_recall"], said, [[label] for label in true]
    )
    settings = {"labels": ["a", "b", "c"], "average": "macro", "zero_division": 0}
    assert found["accuracy"].value == pytest.approx(3 / 6)
    for name, theirs in (("f1", f1_score), ("precision", precision_score), ("recall", recall_score)):
        assert found[f"macro_{name}"].value == pytest.approx(theirs(true, said, **settings))
