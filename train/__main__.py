"""`python -m train`: a version -> a tuned model; `chat=RUN` talks to one."""

from conf.app import main
from train.config import TrainConfig


def run(config: TrainConfig) -> int | None:
    """Train, or talk."""
    if config.chat:
        from train.talk import talk

        return talk(config)
    from train.run import train

    return train(config)


if __name__ == "__main__":
    main("train", TrainConfig, run)
