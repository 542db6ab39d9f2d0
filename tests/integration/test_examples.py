"""Every file in examples/ runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
ACME_ZOO = Path(__file__).parents[1] / "plugins" / "acme" / "acme_sinkd" / "students"
RUN_HERE = {"textbrewer_script.py", "deploy.py", "figure1.py", "word_order.yaml"}
RUN_ELSEWHERE = {
    **dict.fromkeys(
        (
            *("t5_reviews.yaml", "gpt_neo_reviews.yaml", "t0_cb.yaml", "gpt_neo_rte.yaml"),
            *("bert_mrpc.yaml", "bert_cb.yaml"),
        ),
        "tests/integration/test_family_examples.py",
    ),
    "quickstart.yaml": "tests/integration/test_quickstart.py",
    "serve_zoo.md": "tests/zoo/test_zoo_serving_page.py",
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
def test_the_deployment_answers_with_a_student_of_a_zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SINKD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SINKD_ZOO", str(ACME_ZOO))
    texts = ("A rich, malty beer.", "Thin and pale.")
    printed = run(EXAMPLES / "deploy.py", "zoo:acme-beers", *texts, cwd=tmp_path)
    assert [line.split(": ", 1)[1] for line in printed.splitlines()] == list(texts)
    assert {line.split(" ", 1)[0] for line in printed.splitlines()} <= {"dark", "light"}
    assert (tmp_path / "exported" / "model.onnx").is_file()


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


@pytest.mark.slow
@pytest.mark.network
def test_the_word_order_is_distilled(tmp_path: Path) -> None:
    changes = (
        "training.output_dir=run",
        "data.max_train_samples=64",
        "data.max_test_samples=8",
        "teacher.finetune.epochs=1",
        "baselines={pre: {sequence: null}}",
    )
    words = [word for change in changes for word in ("--set", change)]
    printed = run("-m", "sinkd_plugin", "distill", EXAMPLES / "word_order.yaml", *words, "--json", cwd=tmp_path)
    result = json.loads(printed)
    assert result["task"] == "reviews/word_order"
    assert result["student"]["sequences"]["n"] == 8
