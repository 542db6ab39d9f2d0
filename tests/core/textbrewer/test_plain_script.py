"""The promise of the first page: a TextBrewer script, one import more, and ``kd_loss_type="sinkd"``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
import torch
from torch import nn
from torch.utils.data import DataLoader
from textbrewer import DistillationConfig, GeneralDistiller, TrainingConfig


class Classifier(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.body, self.classifier = nn.Linear(6, width), nn.Linear(width, 3)

    def forward(self, inputs, labels):
        logits = self.classifier(torch.tanh(self.body(inputs)))
        return nn.functional.cross_entropy(logits, labels), logits


def adaptor(batch, outputs):
    return {"logits": outputs[1], "losses": outputs[0]}


torch.manual_seed(0)
teacher, student = Classifier(8), Classifier(4)
examples = [{"inputs": torch.randn(6), "labels": torch.tensor(i % 3)} for i in range(12)]
before = student.classifier.weight.detach().clone()
distiller = GeneralDistiller(
    TrainingConfig(device="cpu", output_dir="out"),
    DistillationConfig(temperature=2, hard_label_weight=0.1, kd_loss_weight=0.5, kd_loss_type="sinkd"),
    teacher, student, adaptor, adaptor,
)
with distiller:
    distiller.train(torch.optim.AdamW(student.parameters(), lr=1e-2), DataLoader(examples, batch_size=4), num_epochs=2)
moved = (student.classifier.weight - before).abs().sum().item()
assert 0 < moved < 1, moved
print("trained", round(moved, 5), *sys.argv[1:])
"""
BEFORE = "import sinkd_plugin\n" + SCRIPT
AFTER = SCRIPT.replace(
    "from textbrewer import DistillationConfig, GeneralDistiller, TrainingConfig",
    "from textbrewer import DistillationConfig, GeneralDistiller, TrainingConfig\nimport sinkd_plugin",
)
SWAPPED = SCRIPT.replace(
    "from textbrewer import DistillationConfig, GeneralDistiller, TrainingConfig",
    "from textbrewer import DistillationConfig, TrainingConfig\nfrom sinkd_plugin.textbrewer import GeneralDistiller",
)
AFTER_A_LOOK = "import importlib.util, sinkd_plugin\nassert importlib.util.find_spec('textbrewer')\n" + SCRIPT


def python(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", "-c", script]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def sinkd_run(script: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "train.py").write_text(script, encoding="utf-8")
    command = [sys.executable, "-W", "ignore", "-m", "sinkd_plugin", "run", "train.py", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the script prints under ``sinkd run``, untouched, with arguments."""
    done = sinkd_run(SCRIPT, tmp_path_factory.mktemp("run"), "--debug", "-x", "1")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_script_needs_no_import_under_sinkd_run(run: str) -> None:
    assert run.startswith("trained 0.")
    assert run.endswith(" --debug -x 1"), "the arguments are the script's"


@pytest.mark.parametrize(
    "script",
    [BEFORE, AFTER, SWAPPED, pytest.param(AFTER_A_LOOK, marks=pytest.mark.slow)],
    ids=["before", "after", "class swap", "after find_spec"],
)
def test_each_trigger_trains_the_same_student(script: str, tmp_path: Path, run: str) -> None:
    done = python(script, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == run.removesuffix(" --debug -x 1")


def test_sinkd_run_is_python_in_everything_else(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("value = 3\n", encoding="utf-8")
    script = "import sys, beside, pathlib\nprint(__name__, sys.argv, sys.path[0] == str(pathlib.Path.cwd()))\n"
    exits = {"sys.exit(beside.value)": 3, "sys.exit()": 0, "sys.exit('bad')": 1, "0 / 0": 1, "": 0}
    for last, code in exits.items():
        done = sinkd_run(script + last + "\n", tmp_path, "a", "--help")
        assert (done.returncode, done.stdout) == (code, "__main__ ['train.py', 'a', '--help'] True\n"), last


@pytest.mark.parametrize("fault", ["def f():\n    return 0 / 0\nf()\n", "x = = 1\n"])
def test_the_traceback_is_the_scripts(fault: str, tmp_path: Path) -> None:
    done = sinkd_run(fault, tmp_path)
    plain = subprocess.run([sys.executable, "train.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, plain.returncode) == (1, 1)
    said, wanted = ([line.replace(f"{tmp_path}/", "") for line in each.stderr.splitlines()] for each in (done, plain))
    assert said == wanted


def test_a_script_that_is_not_there(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sinkd_plugin", "run", "nothing.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "The script must be a file. Received: 'nothing.py'." in done.stderr


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
