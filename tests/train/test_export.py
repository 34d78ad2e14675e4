"""What is exported answers as the run does, and other programs can load it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.errors import UserError
from data.store import Store
from train.config import TrainConfig
from train.export import GGUF, NOTE, Parity, check, compared, export
from train.export_gguf import rotated_by_pairs, why_not
from train.load import load_tuned
from train.methods import MethodConfig
from train.models import ModelConfig, quiet, weights_digest
from train.run import train
from train.tasks import Task, TaskConfig

Make = Callable[..., TrainConfig]


@pytest.fixture(scope="module")
def exported(trained: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "model"
    assert export(replace(trained.config, export=trained.run.run_id, out=str(folder))) == 0
    return folder


def test_an_export_is_one_folder_that_transformers_loads(trained: Any, exported: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    note = json.loads((exported / NOTE).read_text())
    assert note["run"] == trained.run.run_id
    assert note["weights_sha256"] == weights_digest(exported)
    assert not (exported / "adapter_config.json").exists()
    with quiet():
        model = AutoModelForCausalLM.from_pretrained(str(exported), local_files_only=True).eval()
    tokenizer = AutoTokenizer.from_pretrained(str(exported), local_files_only=True)
    assert tokenizer.eos_token_id in np.atleast_1d(model.generation_config.eos_token_id)
    tuned, own = load_tuned(trained.run)
    asked = [{"role": "user", "content": "Describe lamp number 7."}]
    ids = own.apply_chat_template(asked, add_generation_prompt=True, return_tensors="pt")["input_ids"]
    assert tokenizer.apply_chat_template(asked, add_generation_prompt=True)["input_ids"] == ids[0].tolist()
    with torch.inference_mode():
        assert torch.allclose(model(ids).logits, tuned(ids).logits, atol=1e-4)
        with tuned.disable_adapter():
            assert not torch.allclose(model(ids).logits, tuned(ids).logits, atol=1e-1)


def test_gguf_answers_as_the_run_does(exported: Path) -> None:
    gguf = json.loads((exported / NOTE).read_text())["gguf"]
    assert gguf["file"] == GGUF
    assert gguf["parity"]["agreement"] > 0.98
    assert gguf["parity"]["difference"] < 0.01 * gguf["parity"]["largest"]


def test_rows_of_a_head_are_reordered_to_pairs() -> None:
    rows = np.arange(8)[:, None]
    assert rotated_by_pairs(rows, 2)[:, 0].tolist() == [0, 2, 1, 3, 4, 6, 5, 7]


def test_an_export_is_not_written_over_anything(trained: Any, exported: Path, tmp_path: Path) -> None:
    config = replace(trained.config, export=trained.run.run_id, out=str(exported))
    with pytest.raises(UserError, match="exists already"):
        export(config)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("all of it")
    with pytest.raises(UserError, match="exists already"):
        export(replace(config, out=str(mine), force=True))
    assert (mine / "thesis.txt").is_file()
    before = (exported / NOTE).stat().st_mtime_ns
    assert export(replace(config, force=True)) == 0
    assert (exported / NOTE).stat().st_mtime_ns > before


def test_other_weights_are_refused(trained: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A merge that goes wrong: the base's weights are written instead of the tuned ones."""
    from peft import PeftModel

    monkeypatch.setattr(PeftModel, "merge_and_unload", lambda self: self.unload(), raising=False)
    folder = tmp_path / "wrong"
    with pytest.raises(UserError, match="the exported weights do not answer as the run does") as caught:
        export(replace(trained.config, export=trained.run.run_id, out=str(folder)))
    assert "nothing was exported" in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_the_tolerance_is_a_share_of_the_largest_logit() -> None:
    left = [np.array([[1.0, -2.0], [4.0, 0.0]])]
    parity = compared(left, [left[0] + np.array([[0.0, 0.0], [0.0, 0.02]])])
    assert parity == Parity(difference=pytest.approx(0.02), largest=4.0, agreement=1.0, rows=1)
    check(parity, "float16", "it")
    with pytest.raises(UserError, match=r"0\.50% of the largest"):
        check(parity, "float32", "it")


def test_classifiers_are_exported_too_and_a_learnt_prompt_is_not(
    settings: Make, tmp_path: Path, plant: Make
) -> None:
    words = {"warm": "coat", "cold": "ice", "wet": "rain"}
    rows = [
        {"messages": [{"role": "user", "content": f"{thing} number {n}"}], "label": label, "kind": "labelled",
         "split": ("train", "train", "validation")[n % 3], "licence": "CC0-1.0"}
        for n in range(12) for label, thing in words.items()
    ]  # fmt: skip
    config = plant(
        rows, model=ModelConfig(name="tiny_bert"), task=TaskConfig(name=Task.classify, max_length=32)
    )
    assert train(config) == 0
    folder = tmp_path / "classifier"
    assert export(replace(config, export="latest", out=str(folder))) == 0
    note = json.loads((folder / NOTE).read_text())
    assert "Llama-kind" in note["gguf"]["left_out"]
    assert set(json.loads((folder / "config.json").read_text())["id2label"].values()) == set(words)
    prompt = settings(
        tmp_path / "prompt", method=MethodConfig(name="prompt", tokens=4), task=TaskConfig(max_length=200), steps=2,
        eval_steps=2,
    )  # fmt: skip
    assert train(prompt) == 0
    with Store.open(prompt.store.path, read_only=True) as store:
        run = store.runs()[-1]
    with pytest.raises(UserError, match="is a learnt prompt, which cannot be merged"):
        export(replace(prompt, export=run.run_id, out=str(tmp_path / "p")))


def test_why_a_model_is_not_written_as_gguf(exported: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with quiet():
        model = AutoModelForCausalLM.from_pretrained(str(exported), local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(str(exported), local_files_only=True)
    assert why_not(model, tokenizer) is None
    model.config.rope_parameters = {"rope_type": "llama3", "rope_theta": 500000.0}
    assert "scaling of its positions" in str(why_not(model, tokenizer))


def test_an_unknown_run_is_named(trained: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run 'run-nope'"):
        export(replace(trained.config, export="run-nope", out=str(tmp_path / "x")))


def server_of(name: str) -> list[str]:
    """How the server's command begins. vLLM lives in an environment of its own, and its program is named."""
    if name == "transformers":
        return [str(Path(sys.executable).with_name("transformers")), "serve", "--device", "cpu"]
    program = os.environ.get("TUNEPROOF_VLLM") or shutil.which("vllm")
    if not program:
        pytest.skip("vLLM is not here: name its program in TUNEPROOF_VLLM")
    return [program, "serve"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["transformers", "vllm"])
def test_a_server_answers_over_http_as_the_run_does(exported: Path, name: str) -> None:
    begin = server_of(name)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [*begin, str(exported), "--host", "127.0.0.1", "--port", str(port)]
    quietly = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen(command, env={**os.environ, "HF_HUB_OFFLINE": "1"}, **quietly)
    try:
        deadline = time.monotonic() + 300
        while True:
            assert server.poll() is None, "the server ended"
            assert time.monotonic() < deadline
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as said:
                    assert said.status == 200
                    break
            except OSError:
                time.sleep(0.5)
        asked = {
            "model": str(exported), "max_tokens": 12, "temperature": 0,
            "messages": [{"role": "user", "content": "Describe lamp number 7."}],
        }  # fmt: skip
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/v1/chat/completions",
            json.dumps(asked).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=120) as said:
            answer = json.loads(said.read())["choices"][0]["message"]["content"]
        assert answer.startswith("It is a")
    finally:
        server.terminate()
        server.wait(30)
