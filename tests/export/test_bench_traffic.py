"""Real texts: nothing is lost or changed by sorting them, models are scored on all, and the page shows it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from sinkd_export.bench.own_texts import Texts, check_length, encoded
from sinkd_export.bench_command import command
from sinkd_export.own_sentences import OWN_SENTENCES
from sinkd_plugin.errors import ModelReferenceError, UserError

IDS = tuple(tuple(range(2, 2 + length)) for length in (9, 3, 30, 3, 4, 10, 31, 1))
TEXTS = Texts(ids=IDS, types=tuple((0,) * len(ids) for ids in IDS), max_length=40, pad_id=0)


def rows(inputs: dict[str, np.ndarray]) -> list[tuple[int, ...]]:
    return [
        tuple(ids[mask.astype(bool)].tolist())
        for ids, mask in zip(inputs["input_ids"], inputs["attention_mask"], strict=True)
    ]


def test_padded_texts_come_as_they_are_at_the_maximum() -> None:
    (batch,) = TEXTS.padded(range(len(IDS)))
    assert batch["input_ids"].shape == (len(IDS), 40)
    assert tuple(rows(batch)) == IDS


def test_sorted_texts_are_all_there_with_little_padding() -> None:
    groups = TEXTS.sorted(range(len(IDS)))
    assert sorted(position for positions, _ in groups for position in positions) == list(range(len(IDS)))
    for positions, inputs in groups:
        assert rows(inputs) == [IDS[position] for position in positions]
    computed = sum(inputs["input_ids"].size for _, inputs in groups)
    assert computed < 1.25 * sum(map(len, IDS))


def test_texts_are_cut_as_in_training_or_as_told(classifier: Path, positions: int) -> None:
    assert encoded(classifier, OWN_SENTENCES, None).max_length == positions
    cut = encoded(classifier, [*OWN_SENTENCES, ("a film", "not good")], 7)
    assert max(map(len, cut.ids)) == 7
    assert cut.types[-1] != (0,) * 7
    with pytest.raises(UserError, match=f"--max-length must be at most {positions}"):
        check_length(classifier, positions + 1)


def test_a_student_with_a_prompt_is_asked(exported: Path, tmp_path: Path) -> None:
    asked = Path(shutil.copytree(exported, tmp_path / "asked"))
    prompt = {"template": "Review: {text} Good?", "text": ["text"]}
    (asked / "prompt.json").write_text(json.dumps(prompt), encoding="utf-8")
    questions = [f"Review: {text} Good?" for text in ("a film", "dull")]
    assert encoded(asked, ["a film", "dull"], None).ids == encoded(exported, questions, None).ids
    assert encoded(asked, ["a film " * 99], 20).ids[0][-3:] == encoded(exported, [questions[0]], None).ids[0][-3:]


@pytest.fixture(scope="module")
def reviewer(tmp_path_factory: pytest.TempPathFactory, save_classifier: Callable[..., Path]) -> Path:
    labels = {0: "negative", 1: "positive"}
    folder = tmp_path_factory.mktemp("reviews") / "reviewer"
    return save_classifier(folder, id2label=labels, label2id={name: index for index, name in labels.items()})


def test_a_task_is_scored_timed_and_drawn(reviewer: Path, tmp_path: Path) -> None:
    words = ["--form", "eager,fp32", "--task", "reviews", "--samples", "8", "--max-length", "90", "--rounds", "2"]
    places = [
        "--shape",
        "1x8",
        "--no-memory",
        "--output",
        str(tmp_path / "b.json"),
        "--report",
        str(tmp_path / "b.html"),
    ]
    done = CliRunner().invoke(command, [str(reviewer), *words, *places])
    assert done.exit_code == 0, done.exception
    assert "accuracy" in done.stdout
    traffic = json.loads((tmp_path / "b.json").read_text(encoding="utf-8"))["traffic"]
    assert (traffic["scored"], traffic["texts"], traffic["max_length"]) == (1000, 8, 90)
    assert [(found["model"], found["arrangement"]) for found in traffic["passes"]] == [
        (model, arrangement) for model in ("reviewer", "reviewer, fp32") for arrangement in ("padded", "sorted")
    ]
    padded, ordered, *_ = traffic["passes"]
    assert padded["ratio"] == 1
    assert padded["tokens"] == 8 * 90 > ordered["tokens"]
    assert all(0 < found["share_of_floor"] < 1 for found in traffic["passes"])
    assert ordered["floor_ms"] < padded["floor_ms"]
    first, second = traffic["scores"]
    assert first["value"] == second["value"] > 0
    assert second["lost"] == 0
    page = (tmp_path / "b.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 2
    assert not re.search(r'(?:src|href)="(?!#)', page)  # it needs no other file


def test_a_model_of_other_labels_is_not_scored(classifier: Path) -> None:
    done = CliRunner().invoke(command, [str(classifier), "--task", "reviews", "--shape", "1x8", "--no-memory"])
    assert isinstance(done.exception, ModelReferenceError)


def test_every_model_reads_the_texts_itself(
    reviewer: Path, tmp_path: Path, export_folder: Callable[..., object]
) -> None:
    """Each is scored with its own question and where its own training cut, as it is when it is alone."""
    export_folder(reviewer, tmp_path / "plain")
    asked, short = (Path(shutil.copytree(tmp_path / "plain", tmp_path / name)) for name in ("asked", "short"))
    prompt = {"template": "not not {text} good good", "text": ["text"]}
    (asked / "prompt.json").write_text(json.dumps(prompt), encoding="utf-8")
    (short / "sinkd.json").write_text(json.dumps({"max_length": 9}), encoding="utf-8")
    words = ["--task", "reviews", "--samples", "4", "--rounds", "1", "--shape", "1x8", "--no-memory", "--json"]

    def scores(*models: Path) -> list[float]:
        done = CliRunner().invoke(command, [*map(str, models), *words])
        assert done.exit_code == 0, done.exception
        report = json.loads(done.stdout)
        told = " ".join(report["warnings"])
        assert ("short at 9 tokens): --max-length cuts all" in told) == (len(models) > 1)
        return [score["value"] for score in report["traffic"]["scores"]]

    together = scores(tmp_path / "plain", asked, short)
    assert together == [*scores(tmp_path / "plain"), *scores(asked), *scores(short)]
    assert len(set(together)) == 3
