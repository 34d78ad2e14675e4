"""What can be learnt, and by which methods."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from data.errors import ConfigError


class Task(StrEnum):
    """What is learnt.

    sft       supervised fine-tuning of a decoder: the next token of the answers
    classify  the label of a text, by an encoder with a head (BERT kind)
    seq2seq   the answer to a prompt, by an encoder and a decoder (T5 kind)
    """

    sft = "sft"
    classify = "classify"
    seq2seq = "seq2seq"


# Methods that make sense for a task. qlora saves the memory of large decoders; a learnt prompt steers what a model
# writes, and a classifier writes nothing.
METHODS_OF: dict[Task, tuple[str, ...]] = {
    Task.sft: ("full", "lora", "dora", "rslora", "qlora", "prompt"),
    Task.classify: ("full", "lora", "dora", "rslora"),
    Task.seq2seq: ("full", "lora", "dora", "rslora", "prompt"),
}


@dataclass(kw_only=True, slots=True)
class TaskConfig:
    """The task.

    name         see Task
    max_length   tokens of a record that are used, 8 or more; the rest is cut. For seq2seq, of its prompt
    max_answer   tokens of an answer that are used, 2 or more; seq2seq only
    """

    name: Task = Task.sft
    max_length: int = 1024
    max_answer: int = 128

    def __post_init__(self) -> None:
        for key, low in (("max_length", 8), ("max_answer", 2)):
            if not low <= getattr(self, key) <= 1_000_000:
                raise ConfigError(f"task.{key}={getattr(self, key)} is outside {low} to 1,000,000")


def check_method(task: Task, method: str) -> None:
    """Raise ConfigError for a method that makes no sense for the task."""
    allowed = METHODS_OF[task]
    if method not in allowed:
        raise ConfigError(
            f"method={method} is not made for task={task}",
            f"allowed: {', '.join(f'method={name}' for name in allowed)}",
        )
