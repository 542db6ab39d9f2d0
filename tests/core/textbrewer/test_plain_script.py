"""The promise of the first page: a TextBrewer script, one import more, and ``kd_loss_type="sinkd"``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import torch
from torch.utils.data import DataLoader, Dataset
from transformers import BertConfig, BertForSequenceClassification
from textbrewer import DistillationConfig, GeneralDistiller, TrainingConfig


class Texts(Dataset):
    def __len__(self):
        return 12

    def __getitem__(self, i):
        ids = torch.arange(6) + i
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": torch.tensor(i % 2)}


def adaptor(batch, outputs):
    return {"logits": outputs.logits, "losses": outputs.loss}


torch.manual_seed(0)
shape = dict(vocab_size=20, hidden_size=16, num_attention_heads=2, intermediate_size=32)
teacher = BertForSequenceClassification(BertConfig(num_hidden_layers=2, **shape))
student = BertForSequenceClassification(BertConfig(num_hidden_layers=1, **shape))
before = student.classifier.weight.detach().clone()
distiller = GeneralDistiller(
    TrainingConfig(device="cpu", output_dir="out"),
    DistillationConfig(temperature=2, hard_label_weight=0.1, kd_loss_type="sinkd"),
    teacher, student, adaptor, adaptor,
)
with distiller:
    distiller.train(torch.optim.AdamW(student.parameters(), lr=1e-3), DataLoader(Texts(), batch_size=4), num_epochs=2)
moved = (student.classifier.weight - before).abs().max().item()
assert 0 < moved < 1, moved
print("trained")
"""
BEFORE = "import sinkd_plugin\n" + SCRIPT
AFTER = SCRIPT.replace(
    "from textbrewer import DistillationConfig, GeneralDistiller, TrainingConfig",
    "from textbrewer import DistillationConfig, GeneralDistiller, TrainingConfig\nimport sinkd_plugin",
)
AFTER_A_LOOK = "import importlib.util, sinkd_plugin\nassert importlib.util.find_spec('textbrewer')\n" + SCRIPT


def python(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", "-c", script]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "script",
    [BEFORE, AFTER, pytest.param(AFTER_A_LOOK, marks=pytest.mark.slow)],
    ids=["before", "after", "after find_spec"],
)
def test_one_import_is_enough_wherever_it_stands(script: str, tmp_path: Path) -> None:
    done = python(script, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "trained"


def test_without_the_import_textbrewer_knows_no_such_loss(tmp_path: Path) -> None:
    done = python(SCRIPT, tmp_path)
    assert done.returncode == 1
    assert done.stderr.strip().endswith("KeyError: 'sinkd'")


def test_importing_the_plugin_imports_neither_torch_nor_textbrewer(tmp_path: Path) -> None:
    script = "import sys, sinkd_plugin\nprint([m for m in ('torch', 'textbrewer', 'transformers') if m in sys.modules])"
    assert python(script, tmp_path).stdout.strip() == "[]"


@pytest.mark.slow
def test_textbrewers_syntax_warnings_stay_its_own(tmp_path: Path) -> None:
    script = "import sinkd_plugin, textbrewer"
    command = [sys.executable, "-B", "-X", "pycache_prefix=" + str(tmp_path / "none"), "-W", "error::SyntaxWarning"]
    done = subprocess.run([*command, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-400:]
