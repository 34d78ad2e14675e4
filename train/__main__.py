"""`python -m train`: a version -> a tuned model; `chat=RUN` talks to one, `export=RUN` writes it for other programs."""

from conf.app import main
from train.config import TrainConfig


def run(config: TrainConfig) -> int | None:
    """Train, talk, or export."""
    if config.chat:
        from train.talk import talk

        return talk(config)
    if config.export:
        from train.export import export

        return export(config)
    from train.run import Stopped, train

    try:
        if config.tune.name != "off" and not config.plan:
            from train.tune import tune

            return tune(config)
        if config.folds and not config.plan:
            from train.folds import cross_validate

            return cross_validate(config)
        return train(config)
    except Stopped:
        raise SystemExit(130) from None  # it was said how to go on


if __name__ == "__main__":
    main("train", TrainConfig, run)
