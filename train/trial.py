"""One trial of a search, in a process of its own: `python -m train.trial` reads what to train from standard input.

The parent gives a line of JSON: config (plain data), storage, study, trial_id, measure, prune, out (file for the
result). It keeps standard input open: a trial whose parent is gone, by whatever way, ends at once, for the search that
goes on would train the same trial in the same folder.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from transformers import TrainerCallback


class Report(TrainerCallback):  # type: ignore[misc, unused-ignore]
    """Tells the study each validation, and ends the training where the study finds it hopeless."""

    def __init__(self, trial: Any, measure: str, prune: bool) -> None:
        self.trial, self.measure, self.prune = trial, measure, prune
        self.pruned = False

    def on_evaluate(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """Report by per cent of the steps: trials of other batch sizes have other numbers of them."""
        if not state.global_step:
            return
        share = round(100 * state.global_step / state.max_steps)
        self.trial.report(float(rest["metrics"][f"eval_{self.measure}"]), share)
        if self.prune and share < 100 and self.trial.should_prune():
            self.pruned = control.should_training_stop = True


def run(order: dict[str, Any]) -> dict[str, Any]:
    """Train as ordered; the result holds value, step, pruned, steps and seconds."""
    import optuna
    from rich.console import Console

    from conf.app import restored
    from train.config import TrainConfig
    from train.ingredients import gather
    from train.keeping import AT_END
    from train.run import learn, set_threads
    from train.search import pruner

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    config = restored(TrainConfig, order["config"])
    set_threads(config)
    study = optuna.load_study(study_name=order["study"], storage=order["storage"], pruner=pruner())
    report = Report(optuna.trial.Trial(study, order["trial_id"]), order["measure"], order["prune"])
    rows = gather(config, patience=AT_END)
    done = learn(config, rows, Console(stderr=True), stored=False, watchers=[report])
    history = json.loads((Path(done.path) / "history.json").read_text(encoding="utf-8"))
    values = {
        e["step"]: float(e[f"eval_{order['measure']}"]) for e in history if "eval_loss" in e and e["step"]
    }
    best = (min if order["measure"] == "loss" else max)(values, key=lambda step: values[step])
    return {
        "value": values[best],
        "step": best,
        "pruned": report.pruned,
        "steps": done.metrics["steps"],
        "seconds": done.metrics["seconds"],
        "folder": done.path,
    }


def main() -> int:
    """Run the order on standard input; 2 for a user's mistake, whose words go to standard error."""
    from data.trouble import complain, trouble

    order = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, args=(sys.stdin.fileno(),), daemon=True).start()
    try:
        result = run(order)
    except Exception as error:
        known = trouble(error)
        if known is None:
            raise
        return complain(known)
    Path(order["out"]).write_text(json.dumps(result), encoding="utf-8")
    return 0


def _end_with_parent(pipe: int) -> None:
    # Not by sys.stdin, whose lock a daemon thread would hold while Python ends.
    while os.read(pipe, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
