"""Whether a base model suits the task, the length of the rows and the use that is made of it."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Any

from data.errors import ConfigError, UserError, closest
from train import processes
from train.config import TrainConfig
from train.environment import check_trackers
from train.estimate import weight_shapes
from train.methods import LOW_RANK, check_machine
from train.model_folder import check_weights, stated_licence
from train.models import TINY, BaseModel, Shape, Use, check_place, shaped
from train.preflight_data import check_against
from train.speed import check_packing
from train.tasks import Task

ENCODERS = (
    "albert", "bert", "camembert", "deberta", "deberta-v2", "distilbert", "electra", "modernbert", "mpnet",
    "roberta", "xlm-roberta",
)  # fmt: skip

# Licences of models that SPDX does not list. No legal advice: a licence has the last word.
NO_COMMERCE = (
    "qwen-research", "mrl", "mnpl", "amlr", "apple-amlr", "llama1", "stable-lm-nc", "cohere-nc",
    "research-only", "non-commercial",
)  # fmt: skip
CONDITIONS = {
    "gemma": "its Prohibited Use Policy has to be passed on",
    "llama2": "above 700 million monthly users a licence has to be asked for; its Acceptable Use Policy holds",
    "llama3": "it asks for 'Built with Llama' and a name that begins with Llama; its Acceptable Use Policy holds",
    "llama3.1": "it asks for 'Built with Llama' and a name that begins with Llama; its Acceptable Use Policy holds",
    "llama3.2": "it asks for 'Built with Llama' and a name that begins with Llama; its Acceptable Use Policy holds",
    "llama3.3": "it asks for 'Built with Llama' and a name that begins with Llama; its Acceptable Use Policy holds",
    "qwen": "above 100 million monthly users a licence has to be asked for",
    "openrail": "its restrictions of use have to be passed on",
    "bigscience-openrail-m": "its restrictions of use have to be passed on",
    "bigscience-bloom-rail-1.0": "its restrictions of use have to be passed on",
}


class Leave(StrEnum):
    """What a licence says of a commercial use."""

    allowed = "allowed"
    conditions = "conditions"
    forbidden = "forbidden"
    unknown = "unknown"


def commercial_leave(licence: str | None) -> Leave:
    """What is known of `licence` (an SPDX id, or the hub's spelling of a model's own)."""
    from curation.licence.config import LicenceConfig, Policy
    from curation.licence.rules import Standing, read, rules_of

    name = (licence or "").strip().lower()
    if not name:
        return Leave.unknown
    if any(name.startswith(known) for known in NO_COMMERCE) or "-nc" in name:
        return Leave.forbidden
    if name in CONDITIONS:
        return Leave.conditions
    expression = read(name)
    if expression is None:
        return Leave.unknown
    standing = rules_of(LicenceConfig(policy=Policy.commercial)).standing(expression)
    return {Standing.allowed: Leave.allowed, Standing.forbidden: Leave.forbidden}.get(standing, Leave.unknown)


def check_config(config: TrainConfig) -> None:
    """Raise UserError for what can be refused before a row is read or a model is looked at."""
    _check_processes(config)
    check_trackers(config.report_to)
    check_machine(config.method)
    check_packing(config)
    check_against(config.against)
    check_licence(config, config.model.licence)
    check_place(config.model)
    folder = Path(config.model.path or "").expanduser()
    if config.model.path and (folder / "config.json").is_file():
        if not config.plan:
            check_weights(config.model.path, folder)
        check_model(
            config, BaseModel(config.model.name, folder, "", config.model.licence or stated_licence(folder))
        )


def _check_processes(config: TrainConfig) -> None:
    """Raise ConfigError for what is many trainings: each process would make all of them, and write their results."""
    asked = f"folds={config.folds}" if config.folds else f"tune={config.tune.name}"
    if processes.count() > 1 and (config.folds or config.tune.name != "off"):
        raise ConfigError(
            f"{asked} is many trainings, and {processes.count()} processes were launched for one",
            f"without accelerate: python -m train {asked}",
        )


def check_model(config: TrainConfig, base: BaseModel) -> None:
    """Raise UserError where the base model cannot do the task, attend to the rows, or be used like this."""
    described = json.loads((Path(base.path) / "config.json").read_text(encoding="utf-8"))
    _check_kind(config, base, described)
    _check_context(config, described)
    _check_layers(config, base, described)
    if config.dropout is not None:
        shaped(base.path, Shape(config.task.name, dropout=config.dropout))
    check_licence(config, base.licence)


def check_licence(config: TrainConfig, licence: str | None) -> None:
    """Raise UserError where `licence`, of the base model, does not allow the use that the configuration names."""
    sold = config.model.use is Use.commercial and not config.model.allow_licence
    if sold and commercial_leave(licence) is Leave.forbidden:
        raise UserError(
            f"the licence of {config.model.path or config.model.name} ({licence}) does not allow a commercial use",
            "for research: model.use=research; or take another model: python -m train --help lists them",
            "if you have another agreement: model.allow_licence=true",
        )


def licence_remark(config: TrainConfig, base: BaseModel) -> str | None:
    """What a person should know of the licence before a training; None where there is nothing to say."""
    if config.model.name in TINY and not config.model.path:
        return f"{config.model.name} has random weights: this is a test of the mechanics, and no more."
    leave, name = commercial_leave(base.licence), _named(config, base)
    if leave is Leave.conditions:
        return (
            f"The licence of {name} ({base.licence}) has conditions: {CONDITIONS[str(base.licence).lower()]}."
        )
    if leave is Leave.forbidden:
        return (
            f"The licence of {name} ({base.licence}) forbids a commercial use: for {config.model.use} only."
        )
    if leave is Leave.unknown:
        stated = f"'{base.licence}' is not one that is known here" if base.licence else "is not stated"
        return f"The licence of {name} {stated}: read it, and note it with model.licence=ID."
    return None


def _named(config: TrainConfig, base: BaseModel) -> str:
    """The model as the user gave it: model=hub is any."""
    return config.model.path if base.name == "hub" and config.model.path else base.name


def _check_kind(config: TrainConfig, base: BaseModel, described: dict[str, Any]) -> None:
    kind, task = str(described.get("model_type", "")), config.task.name
    name = _named(config, base)
    both, encoder = bool(described.get("is_encoder_decoder")), kind in ENCODERS
    if task is Task.sft and (both or encoder):
        what, better = ("encoder with a decoder", "seq2seq") if both else ("encoder", "classify")
        raise ConfigError(
            f"task=sft trains a decoder, and {name} is an {what} ({kind})",
            f"task={better} suits this model; or take a decoder: model=smollm2_135m",
        )
    if task is Task.seq2seq and not both:
        raise ConfigError(
            f"task=seq2seq trains an encoder with a decoder (T5 kind), and {name} is a {kind} model",
            "a T5: model=flan_t5_small, or model=tiny_t5 to try it out",
            "with this model: " + ("task=classify" if encoder else "task=sft"),
        )
    if task is Task.classify and both:
        raise ConfigError(
            f"task=classify trains an encoder (BERT kind), and {name} is an encoder with a decoder ({kind})",
            "model=minilm; or with this model: task=seq2seq",
        )


def _check_layers(config: TrainConfig, base: BaseModel, described: dict[str, Any]) -> None:
    if config.method.name not in LOW_RANK:
        return
    names = ("num_hidden_layers", "num_layers", "n_layer")
    layers = next((described[name] for name in names if described.get(name)), None)
    if layers is not None and (config.method.last_layers or 0) > layers:
        raise ConfigError(
            f"method.last_layers={config.method.last_layers} is more than the {layers} layers of "
            f"{_named(config, base)}",
            "null adapts all layers",
        )
    asked = config.method.target_modules
    weights = {name for name, shape in weight_shapes(base.path).items() if len(shape) == 2}
    known = sorted({name.removesuffix(".weight").rpartition(".")[2] for name in weights})
    if asked in (["all-linear"], ["attention"]) or not known:
        return
    for name in asked:
        if name not in known:
            raise ConfigError(
                f"method.target_modules: the model has no linear layer '{name}'",
                closest(name, [*known, "all-linear", "attention"]),
            )


def _check_context(config: TrainConfig, described: dict[str, Any]) -> None:
    context = config.model.context or described.get("max_position_embeddings")
    if (
        context is None or config.task.name is Task.seq2seq
    ):  # T5 has relative positions, and no limit of its own
        return
    # RoBERTa counts two positions for padding.
    room = int(context) - (2 if described.get("model_type") in ("roberta", "xlm-roberta", "camembert") else 0)
    learnt = config.method.tokens if config.method.name == "prompt" else 0
    if config.task.max_length + learnt > room:
        longest = room - learnt
        raise ConfigError(
            f"task.max_length={config.task.max_length} is more than the model can attend to ({longest:,} tokens)",
            f"task.max_length={longest}, or a model with a longer context",
        )
