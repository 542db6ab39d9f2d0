"""GLUE and SuperGLUE from their official files, and from a hub that cannot be reached."""

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

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


def load(task: str, folder: Path, **data: Any) -> LoadedTask:
    return load_task(task, data_dir=folder, data=DataOptions(**data), seed=0)


@pytest.mark.parametrize("task", OFFICIAL)
def test_the_official_files_are_read_whole(shared_data: Path, task: str, caplog: pytest.LogCaptureFixture) -> None:
    folder, train, validation, counts = OFFICIAL[task]
    loaded = load(task, shared_data / folder, official=True)
    assert not caplog.records
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


@pytest.mark.parametrize("task", OFFICIAL)
def test_the_folder_of_a_whole_benchmark_will_do(shared_data: Path, task: str) -> None:
    folder, _, validation, _ = OFFICIAL[task]
    assert load(task, (shared_data / folder).parent).sizes["test"] == validation


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


MNLI = "index\tgenre\tsentence1\tsentence2\tlabel1\tgold_label"


def test_both_developments_of_mnli_are_tests(tmp_path: Path) -> None:
    names = ("entailment", "neutral", "contradiction")
    rows = [f"{row}\tg\ta {row}\tb\t-\t{names[row % 3]}" for row in range(30)]
    write(tmp_path, "train.tsv", MNLI, *rows)
    write(tmp_path, "dev_matched.tsv", MNLI, *rows[:6])
    write(tmp_path, "dev_mismatched.tsv", MNLI, *rows[:4])
    loaded = load("glue/mnli", tmp_path, max_test_samples=5)
    assert loaded.sizes == {"train": 27, "validation": 3, "test": 5, "test_mismatched": 4}
    assert loaded.further_tests == ("test_mismatched",)
    assert loaded.labels("test_mismatched") == [0, 1, 2, 0]
    assert "test_mismatched" not in load("glue/mnli", tmp_path, scored_split="validation").sizes
    (tmp_path / "dev_mismatched.tsv").unlink()
    assert load("glue/mnli", tmp_path).further_tests == ()


def test_similarities_are_numbers(tmp_path: Path) -> None:
    header = "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore"
    rows = [f'{row}\tg\tf\t2012\t1\ts\ts\ta "{row}\tb\t{row / 4:.3f}' for row in range(20)]
    write(tmp_path, "train.tsv", header, *rows)
    write(tmp_path, "dev.tsv", header, *rows[:3])
    loaded = load("glue/stsb", tmp_path)
    assert list(loaded.splits["test"]["label"][:]) == [0.0, 0.25, 0.5]
    assert loaded.text("test")[1] == ('a "1', "b")
    write(tmp_path, "dev.tsv", header, rows[0], rows[1].rpartition("\t")[0] + "\tnan")
    with pytest.raises(DataError, match=r"must be a finite number\. Received: 'nan' in row 2 of '.*dev.tsv'"):
        load("glue/stsb", tmp_path)


def test_what_is_missing_in_the_published_files_of_qqp_is_left_out_and_empty_questions_are_kept(
    tmp_path: Path,
) -> None:
    header = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate"
    rows = [f"{row}\t1\t2\tWhy {row}?\tHow {row}?\t{row % 2}" for row in range(20)]
    write(tmp_path, "train.tsv", header, *rows)
    write(tmp_path, "dev.tsv", header, rows[0], "7\t1\t2\tWhy", '8\t1\t2\t"Why?\t\t1', rows[3])
    loaded = load("glue/qqp", tmp_path)
    assert loaded.text("test") == [("Why 0?", "How 0?"), ('"Why?', ""), ("Why 3?", "How 3?")]
    assert loaded.labels("test") == [0, 1, 1]
    write(tmp_path, "dev.tsv", header, "8\t1\t2\t\t\t1")
    with pytest.raises(DataError, match=r"each text must be a string that is not empty.* in row 1"):
        load("glue/qqp", tmp_path)


@pytest.mark.parametrize(
    ("task", "row", "texts"),
    [
        ("glue/sst2", "fine {n}\t1", ("fine 0",)),
        ("glue/rte", "{n}\tfirst {n}\tsecond\tentailment", ("first 0", "second")),
        ("glue/mrpc", "1\t2\t3\tfirst {n}\tsecond", ("first 0", "second")),
        ("glue/cola", "gj04\t1\t\tShe wrote {n}.", ("She wrote 0.",)),
    ],
)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_files_without_a_header_are_read_in_the_official_order(
    tmp_path: Path, task: str, row: str, texts: tuple[str, ...], mark: str
) -> None:
    other = row.replace("1\t2", "0\t2").replace("\tentailment", "\tnot_entailment").replace("gj04\t1", "gj04\t0")
    other = other.replace("fine {n}\t1", "fine {n}\t0")
    lines = [(row, other)[n % 2].replace("{n}", str(n)) for n in range(20)]
    write(tmp_path, "train.tsv", mark + lines[0], *lines[1:])
    write(tmp_path, "dev.tsv", mark + lines[0], *lines[1:4])
    loaded = load(task, tmp_path)
    assert loaded.sizes == {"train": 18, "validation": 2, "test": 4}
    assert loaded.text("test")[0] == texts


def test_files_with_another_number_of_examples_are_told_of_or_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [f"{row}\ta {row}\tb\t{('entailment', 'not_entailment')[row % 2]}" for row in range(20)]
    write(tmp_path, "train.tsv", "index\tsentence1\tsentence2\tlabel", *rows)
    write(tmp_path, "dev.tsv", "index\tsentence1\tsentence2\tlabel", *rows[:5])
    with caplog.at_level(logging.WARNING):
        load("glue/rte", tmp_path)
    assert "20 examples where 2490 are published (for 'train')" in caplog.text
    assert "5 examples where 277 are published (for 'test')" in caplog.text
    with pytest.raises(DataError, match=r"must be the published ones, as data.official says.*20 examples where 2490"):
        load("glue/rte", tmp_path, official=True)


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
    from sinkd_plugin.tasks.kinds import METRICS_OF

    assert isinstance(spec, TaskSpec)
    assert len(spec.text) in (1, 2)
    assert len(set(spec.labels)) == len(spec.labels)
    assert len(spec.labels) >= {"classification": 2, "regression": 1, "generation": 0}[spec.kind]
    assert spec.metric in METRICS_OF[spec.kind]
    assert spec.summary.endswith((".", "?"))
