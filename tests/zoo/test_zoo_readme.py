"""README.md of a published student: what hubs read in it, and what people do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import model_index_to_eval_results

from sinkd_zoo.publish import publish

WriteRun = Callable[..., Path]

ORIGIN: dict[str, Any] = {
    "summary": "Small and quick.",
    "license": "MIT",
    "teacher_license": "Apache-2.0",
    "recipe_file": "recipes/mine.yaml",
    "recipe_sha256": "a" * 64,
    "commit": "b" * 40,
    "latency": {"command": "sinkd bench MODEL", "shape": "1 × 32", "threads": 1, "median_ms": 7.5, "machine": "A CPU"},
    "costs": [
        {"step": "as trained, float32", "bytes": 4000, "score": 0.82},
        {"step": "float16", "bytes": 2000, "score": 0.81},
    ],
}  # fmt: skip


@pytest.fixture
def published(zoo: Path, write_run: WriteRun) -> Path:
    run = write_run()
    (run / "origin.json").write_text(json.dumps(ORIGIN))
    publish(run, zoo, "mine")
    return zoo / "mine" / "1" / "README.md"


def test_the_hubs_own_reader_finds_every_score(published: Path) -> None:
    data = ModelCard.load(published).data
    assert (data.license, data.library_name, data.pipeline_tag) == ("mit", "transformers", "feature-extraction")
    name, results = model_index_to_eval_results(data.to_dict()["model-index"])
    assert name == "mine"
    found = {result.metric_type: result for result in results}
    assert {metric: result.metric_value for metric, result in found.items()} == {
        "accuracy": 0.81, "f1": 0.8, "matthews_correlation": 0.62
    }  # fmt: skip
    accuracy = found["accuracy"]
    assert (accuracy.dataset_type, accuracy.dataset_split, accuracy.dataset_args) == (
        "movie-reviews",
        "test",
        {"n": 1000},
    )
    assert accuracy.metric_args == {"interval_95": [0.78, 0.84]}


def test_people_find_the_story(published: Path) -> None:
    text = published.read_text()
    for fact in (
        "Small and quick.", "n = 1000", "0.810 (0.780 – 0.840)", "| teacher |", "the same without the transport term",
        "| as trained, float32 | 4,000 | 0.820 |", "7.50 ms", "recipes/mine.yaml", "a" * 64, "b" * 40, "torch 2.13.0",
        "temperature: 2", "seed: 7", 'download("mine")',
    ):  # fmt: skip
        assert fact in text, fact
    assert "/home/ada" not in text


def test_the_class_that_loads_it_is_named(zoo: Path, write_run: WriteRun) -> None:
    run = write_run()
    (run / "student" / "config.json").write_text('{"architectures": ["T5ForConditionalGeneration"]}')
    publish(run, zoo, "mine")
    text = (zoo / "mine" / "1" / "README.md").read_text()
    assert "AutoModelForSeq2SeqLM.from_pretrained(folder)" in text
    assert "pipeline_tag: text2text-generation" in text


def test_every_file_stands_there_with_its_hash(published: Path, zoo: Path) -> None:
    (student,) = json.loads((zoo / "index.json").read_text())["students"]
    text = published.read_text()
    for name, digest in student["files"].items():
        assert name == "README.md" or f"| {name} | {student['sizes'][name]:,} | `{digest}` |" in text
