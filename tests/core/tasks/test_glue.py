"""GLUE and SuperGLUE from their official files, and from a hub that cannot be reached."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sinkd_plugin.errors import DataError
from sinkd_plugin.tasks.load import LoadedTask, load_task
from sinkd_plugin.tasks.options import DataOptions
from sinkd_plugin.tasks.specs import task_specs

pytest.importorskip("datasets")

OFFICIAL = {
    "glue/cola": ("glue/CoLA", 8551, 1043, {"acceptable": 721}),
    "glue/sst2": ("glue/SST-2", 67349, 872, {"positive": 444}),
    "glue/mrpc": ("glue/MRPC", 3668, 408, {"equivalent": 279}),
    "superglue/cb": ("superglue/CB", 250, 56, {"entailment": 23, "contradiction": 28, "neutral": 5}),
}
"""Folder, rows of train and of the official validation split, and how many rows of the latter have a label."""


def load(task: str, folder: Path) -> LoadedTask:
    return load_task(task, data_dir=folder, data=DataOptions(), seed=0)


@pytest.mark.parametrize("task", OFFICIAL)
def test_the_official_files_are_read_whole(shared_data: Path, task: str) -> None:
    folder, train, validation, counts = OFFICIAL[task]
    loaded = load(task, shared_data / folder)
    assert loaded.sizes["test"] == validation
    assert loaded.sizes["train"] + loaded.sizes["validation"] == train
    assert loaded.sizes["validation"] == pytest.approx(train / 10, abs=25)
    named = [loaded.spec.labels[label] for label in loaded.labels("test")]
    assert {name: named.count(name) for name in counts} == counts


def test_a_sentence_with_a_lone_quotation_mark_stays_as_it_is(shared_data: Path) -> None:
    loaded = load("glue/mrpc", shared_data / "glue" / "MRPC")
    first, second = loaded.text("test")[0]
    assert first.startswith("He said the foodservice pie business doesn't fit")
    assert second.startswith('"The foodservice pie business does not fit')
    assert loaded.labels("test")[0] == 1


def write(folder: Path, name: str, *lines: str) -> None:
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_a_labelled_test_file_is_the_test_split_and_an_unlabelled_one_is_not(tmp_path: Path) -> None:
    write(tmp_path, "train.tsv", "sentence\tlabel", *(f"train {row}\t{row % 2}" for row in range(20)))
    write(tmp_path, "dev.tsv", "sentence\tlabel", *(f"dev {row}\t{row % 2}" for row in range(6)))
    write(tmp_path, "test.tsv", "index\tsentence", *(f"{row}\ttest {row}" for row in range(4)))
    assert load("glue/sst2", tmp_path).sizes == {"train": 18, "validation": 2, "test": 6}
    write(tmp_path, "test.tsv", "sentence\tlabel", *(f"test {row}\t-1" for row in range(4)))
    assert load("glue/sst2", tmp_path).sizes["test"] == 6
    write(tmp_path, "test.tsv", "sentence\tlabel", *(f"test {row}\t{row % 2}" for row in range(4)))
    assert load("glue/sst2", tmp_path).sizes == {"train": 20, "validation": 6, "test": 4}


def test_the_unlabelled_test_file_of_cola_is_left_alone(tmp_path: Path) -> None:
    rows = [f"src\t{row % 2}\t\tSentence {row}." for row in range(20)]
    write(tmp_path, "train.tsv", *rows)
    write(tmp_path, "dev.tsv", *rows[:4])
    write(tmp_path, "test.tsv", "index\tsentence", "0\tBill whistled past the house.")
    assert load("glue/cola", tmp_path).text("test")[0] == ("Sentence 0.",)
    assert load("glue/cola", tmp_path).sizes["test"] == 4


@pytest.mark.parametrize("validation", ["dev", "val", "validation"])
def test_names_of_classes_and_columns_as_on_the_hub_are_read_too(tmp_path: Path, validation: str) -> None:
    lines = [f'{{"sentence1": "a {row}", "sentence2": "b", "label": {row % 2}}}' for row in range(20)]
    write(tmp_path, "train.jsonl", *lines)
    write(tmp_path, f"{validation}.jsonl", *lines[:5])
    assert load("glue/mrpc", tmp_path).labels("test") == [0, 1, 0, 1, 0]
    named = [f"{row}\ta {row}\tb\t{('entailment', 'not_entailment')[row % 2]}" for row in range(20)]
    write(tmp_path, "train.tsv", "index\tsentence1\tsentence2\tlabel", *named)
    assert load("glue/rte", tmp_path).sizes["test"] == 5


def test_a_folder_without_the_files_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'data_dir' must hold train .*'glue/rte'"):
        load("glue/rte", tmp_path)


def test_a_wrong_column_is_named_with_the_file(tmp_path: Path) -> None:
    for name in ("train.tsv", "dev.tsv"):
        write(tmp_path, name, "text\tlabel", "a\t0", "b\t1")
    with pytest.raises(DataError, match=r"'data_dir' must name a column of '.*train.tsv'.*Its columns: text, label"):
        load("glue/sst2", tmp_path)


def test_a_hub_that_cannot_be_reached_points_to_data_dir(tmp_path: Path) -> None:
    script = (
        "from sinkd_plugin.tasks.load import load_task; from sinkd_plugin.tasks.options import DataOptions\n"
        "try: load_task('superglue/cb', data_dir=None, data=DataOptions(), seed=0)\n"
        "except Exception as error: print(type(error).__name__, error.exit_code, error)"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("DownloadError 1 The task 'superglue/cb' must be reachable on the hub")
    assert "set data_dir:" in done.stdout


@pytest.mark.parametrize("spec", task_specs(), ids=lambda spec: spec.name)
def test_each_task_says_what_the_trainer_needs(spec: object) -> None:
    from sinkd_plugin.specs import TaskSpec
    from sinkd_plugin.tasks.metrics import METRICS

    assert isinstance(spec, TaskSpec)
    assert len(spec.text) in (1, 2)
    assert len(set(spec.labels)) == len(spec.labels) >= 2
    assert spec.metric in METRICS
    assert spec.summary.endswith((".", "?"))
