"""Which weights are trained, by which methods, for which tasks."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from data.errors import ConfigError, UserError
from train.config import TrainConfig
from train.ingredients import gather
from train.load import load_base, load_tuned
from train.methods import MethodConfig, adapter_config, linear_layers
from train.models import Dtype, ModelConfig, Shape, _compressed, open_directory, quiet
from train.run import learn, train
from train.tasks import METHODS_OF, Task, TaskConfig


@pytest.fixture
def model(trained: Any) -> Any:
    return load_base(trained.run)[0]


def test_linear_layers_leave_out_the_head(model: Any) -> None:
    assert linear_layers(model) == [
        "down_proj",
        "gate_proj",
        "k_proj",
        "o_proj",
        "q_proj",
        "up_proj",
        "v_proj",
    ]


def test_a_layer_that_does_not_exist_is_named(model: Any) -> None:
    with pytest.raises(ConfigError, match="no linear layer 'q_prj'") as caught:
        adapter_config(MethodConfig(target_modules=["q_prj"]), model)
    assert "did you mean 'q_proj'" in str(caught.value)


def test_lora_passes_its_settings_on(model: Any) -> None:
    config = adapter_config(MethodConfig(r=3, alpha=7, dropout=0.2, target_modules=["q_proj"]), model)
    assert (config.r, config.lora_alpha, config.lora_dropout, config.target_modules) == (
        3,
        7,
        0.2,
        {"q_proj"},
    )


def test_full_training_has_no_adapter(model: Any) -> None:
    assert adapter_config(MethodConfig(name="full"), model) is None


def test_an_unknown_method() -> None:
    with pytest.raises(ConfigError, match=r"method\.name=lorra"):
        MethodConfig(name="lorra")


TASKS = {
    Task.sft: ("tiny", TaskConfig(max_length=64)),
    Task.classify: ("tiny_bert", TaskConfig(name=Task.classify, max_length=64)),
    Task.seq2seq: ("tiny_t5", TaskConfig(name=Task.seq2seq, max_length=64, max_answer=16)),
}


# One of each mechanism by default; decoders by the others: test_gains.py. All: the slow tests.
QUICK = {
    (Task.sft, "prompt"), (Task.classify, "full"), (Task.classify, "dora"), (Task.seq2seq, "lora"),
    (Task.seq2seq, "prompt"),
}  # fmt: skip
CASES = [
    pytest.param(
        task, method, id=f"{task}-{method}", marks=() if (task, method) in QUICK else pytest.mark.slow
    )
    for task, methods in METHODS_OF.items()
    for method in methods
    if method != "qlora"
]


@pytest.mark.parametrize(("task", "method"), CASES)
def test_each_method_trains_each_task_that_it_suits(
    tmp_path: Path, labels: Callable[..., TrainConfig], task: Task, method: str
) -> None:
    name, task_config = TASKS[task]
    config = labels(
        tmp_path,
        model=ModelConfig(name=name),
        method=MethodConfig(name=method, r=16, alpha=32.0, tokens=5),
        task=task_config,
        # A frozen encoder with random weights is slow to be taught anything.
        steps=120 if task is Task.classify else 20,
        eval_steps=40 if task is Task.classify else 20,
        # rslora scales its adapters by alpha / sqrt(r), here four times as much as lora.
        learning_rate={Task.classify: {"full": 3e-3, "rslora": 1e-3}.get(method, 5e-3)}.get(task, 1e-2),
    )
    run = learn(config, gather(config), Console(file=io.StringIO()), stored=False)
    assert run.metrics["validation_loss"] < run.metrics["validation_loss_before"]
    folder = Path(run.path)
    assert (folder / ("model" if method == "full" else "adapter")).is_dir()
    model, tokenizer = load_tuned(run)
    assert type(load_base(run)[0].config) is type(model.config)
    if method == "full":
        return
    settings = json.loads((folder / "adapter" / "adapter_config.json").read_text())
    if method == "prompt":
        assert (settings["peft_type"], settings["num_virtual_tokens"]) == ("PROMPT_TUNING", 5)
    else:
        assert (settings["use_dora"], settings["use_rslora"]) == (method == "dora", method == "rslora")
    # With the adapter off it answers as the base.
    ids = tokenizer("the price of the house", return_tensors="pt")["input_ids"]
    inputs = {"input_ids": ids} | ({"labels": ids} if task is Task.seq2seq else {})
    with torch.inference_mode():
        with model.disable_adapter():
            off = model(**inputs).logits
        base = load_base(run)[0](**inputs).logits
        tuned = model(**inputs).logits
    assert off.shape == base.shape and torch.allclose(off, base, atol=1e-5)
    assert off.shape != tuned.shape or not torch.allclose(off, tuned, atol=1e-4)


@pytest.mark.parametrize(
    ("task", "method"), [(Task.classify, "prompt"), (Task.classify, "qlora"), (Task.seq2seq, "qlora")]
)
def test_a_method_that_does_not_suit_the_task_is_refused_with_those_that_do(task: Task, method: str) -> None:
    with pytest.raises(ConfigError, match=rf"method={method} is not made for task={task}(.|\n)*method=lora"):
        TrainConfig(task=TaskConfig(name=task), method=MethodConfig(name=method))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_qlora_without_a_gpu_names_lora(tmp_path: Path, settings: Callable[..., TrainConfig]) -> None:
    with pytest.raises(UserError, match=r"method=qlora(.|\n)*there is none here(.|\n)*method=lora"):
        train(settings(tmp_path, method=MethodConfig(name="qlora")))
    assert not list(tmp_path.iterdir())


def test_rank_stabilised_scaling() -> None:
    """alpha / sqrt(r) instead of alpha / r: the higher the rank, the larger rsLoRA's share."""
    from peft import get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    from train.models import quiet

    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}

    def scaling(name: str) -> float:
        model = LlamaForCausalLM(LlamaConfig(vocab_size=50, **shape))
        config = adapter_config(MethodConfig(name=name, r=16, alpha=8.0, target_modules=["q_proj"]), model)
        with quiet():
            layer = get_peft_model(model, config).base_model.model.model.layers[0].self_attn.q_proj
        return float(layer.scaling["default"])

    assert (scaling("lora"), scaling("rslora")) == (0.5, 2.0)


@pytest.mark.parametrize(
    ("family", "layers"),
    [
        ("llama", {"q_proj", "k_proj", "v_proj", "o_proj"}),
        ("bert", {"query", "key", "value"}),
        ("t5", set("qkvo")),
    ],
)
def test_attention_means_the_layers_of_the_family(family: str, layers: set[str]) -> None:
    import transformers as hf

    model: Any = {
        "llama": lambda: hf.LlamaForCausalLM(
            hf.LlamaConfig(
                vocab_size=50,
                hidden_size=16,
                intermediate_size=16,
                num_hidden_layers=1,
                num_attention_heads=2,
            )
        ),
        "bert": lambda: hf.BertForSequenceClassification(
            hf.BertConfig(
                vocab_size=50,
                hidden_size=16,
                intermediate_size=16,
                num_hidden_layers=1,
                num_attention_heads=2,
            )
        ),
        "t5": lambda: hf.T5ForConditionalGeneration(
            hf.T5Config(vocab_size=50, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
        ),
    }[family]()
    task = {"llama": Task.sft, "bert": Task.classify, "t5": Task.seq2seq}[family]
    found = adapter_config(MethodConfig(target_modules=["attention"]), model, task)
    assert found.target_modules == layers
    everything = adapter_config(MethodConfig(), model, task).target_modules
    assert layers < everything
    assert not everything & {"classifier", "lm_head"}


def test_qlora_is_nf4_with_double_quantisation_and_half_precision_between() -> None:
    options = _compressed(Shape(four_bits=True))["quantization_config"]
    assert (options.load_in_4bit, options.bnb_4bit_quant_type) == (True, "nf4")
    assert options.bnb_4bit_use_double_quant and options.bnb_4bit_compute_dtype is torch.bfloat16
    assert _compressed(Shape()) == {}


@pytest.mark.filterwarnings("ignore")  # of the kernels that bitsandbytes would rather have
def test_qlora_trains_an_adapter_on_four_bits(
    settings: Callable[..., TrainConfig], trained: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a CPU too, where bitsandbytes is installed: only the refusal is lifted, which is there because it is slow."""
    pytest.importorskip("bitsandbytes", reason="pip install -c constraints.txt -e '.[qlora]'")
    base, tokenizer = load_base(trained.run)
    with quiet():
        # On a CPU bitsandbytes packs whole blocks of 64 weights of a row.
        shape = {**base.config.to_dict(), "hidden_size": 128, "intermediate_size": 256, "head_dim": None}
        type(base)(type(base.config)(**shape)).save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    for module in ("train.run", "train.suitable"):
        monkeypatch.setattr(f"{module}.check_machine", lambda _: None)
    opened = []
    real = open_directory

    def seen(*args: Any, **options: Any) -> Any:
        opened.append(real(*args, **options))
        return opened[-1]

    monkeypatch.setattr("train.run.open_directory", seen)
    config = settings(
        tmp_path / "out", model=ModelConfig(name="hub", path=str(tmp_path / "base")), steps=20, eval_steps=10,
        method=MethodConfig(name="qlora", r=8, alpha=16.0),
    )  # fmt: skip
    run = learn(config, gather(config), Console(file=io.StringIO()), stored=False)
    kinds = {type(part).__name__ for part in opened[0].modules()}
    assert "Linear4bit" in kinds
    assert run.metrics["validation_loss"] < run.metrics["validation_loss_before"] - 0.5
    assert run.metrics["trainable"] < run.metrics["parameters"] / 2
    assert (Path(run.path) / "adapter" / "adapter_model.safetensors").is_file()
    # Where there is no GPU the base is read whole: the adapter does nearly what it did on four bits.
    model, tokenizer = load_tuned(run)
    assert model.active_adapter == "default"


def test_an_adapter_trains_on_a_base_of_half_the_size(
    settings: Callable[..., TrainConfig], tmp_path: Path
) -> None:
    """What a forecast proposes at last where memory is short."""
    config = settings(tmp_path, model=ModelConfig(name="tiny", dtype=Dtype.bfloat16), steps=20, eval_steps=20)
    run = learn(config, gather(config), Console(file=io.StringIO()), stored=False)
    assert run.metrics["validation_loss"] < run.metrics["validation_loss_before"] - 0.5
    model, _ = load_tuned(run)
    kinds = {weight.dtype for name, weight in model.named_parameters() if "lora_" not in name}
    assert kinds == {torch.bfloat16}
