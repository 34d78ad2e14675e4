"""`python -m eval`: base against tuned on held-out items, or the scores of a file of answers."""

from __future__ import annotations

from conf.app import main
from eval.config import EvalConfig


def task(config: EvalConfig) -> int:
    """Import what evaluates only once the configuration is right."""
    from eval.run import run

    return run(config)


if __name__ == "__main__":
    main("eval", EvalConfig, task)
