from pathlib import Path
from typing import Any

import pytest

from sinkd_plugin.errors import ConfigError
from sinkd_plugin.options import validate
from sinkd_plugin.tasks.options import DataOptions, FilesTask

MINIMAL: dict[str, Any] = {"files": {"train": "somewhere/beers.csv"}, "text": "text", "label": "label"}


def test_the_name_is_that_of_the_training_file() -> None:
    assert validate(FilesTask, MINIMAL, "task").name == "beers"
    assert validate(FilesTask, {**MINIMAL, "name": "ales"}, "task").name == "ales"


def test_one_column_and_a_list_of_one_are_the_same() -> None:
    assert validate(FilesTask, MINIMAL).columns == ("text",)
    assert validate(FilesTask, {**MINIMAL, "text": ["text"]}).columns == ("text",)
    assert validate(FilesTask, {**MINIMAL, "text": ["one", "two"]}).columns == ("one", "two")


@pytest.mark.parametrize(
    ("change", "kind", "metric"),
    [
        ({}, "classification", "accuracy"),
        ({"kind": "regression"}, "regression", "pearson"),
        ({"label": None, "target": "title"}, "generation", "bleu"),
    ],
)
def test_kind_and_metric_follow_from_what_is_to_be_found(change: dict[str, Any], kind: str, metric: str) -> None:
    task = validate(FilesTask, {**MINIMAL, **change})
    assert (task.kind, task.metric) == (kind, metric)


def test_a_data_set_gives_the_name() -> None:
    assert validate(FilesTask, {"dataset": "org/beers", "text": "text", "label": "label"}).name == "beers"


def test_what_was_read_can_be_written_and_read_again() -> None:
    task = validate(FilesTask, {**MINIMAL, "text": ["one", "two"], "labels": ["no", "yes"]})
    assert validate(FilesTask, task.model_dump(mode="json")) == task


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"files": {"validation": "a.csv"}}, "'task.files': must name the file of the split 'train'"),
        ({"files": {"train": "a.csv", "dev": "b.csv"}}, "task.files.dev"),
        ({"text": []}, "'task.text': must be the name of a column, or a list of two"),
        ({"text": ["a", "b", "c"]}, "'task.text': must be"),
        ({"text": ["a", "a"]}, "'task.text': must be"),
        ({"text": 3}, "'task.text': must be"),
        ({"text": "index"}, "'task.text': a text column must not be called 'index'"),
        ({"labels": ["only"]}, "'task.labels': must be two or more different names"),
        ({"labels": ["a", "a"]}, "'task.labels': must be two or more different names"),
        ({"metric": "bleu"}, "'metric' must be one of accuracy, f1, matthews_correlation for classification"),
        ({"files": None}, "give exactly one of 'files' and 'dataset'"),
        ({"dataset": "imdb"}, "give exactly one of 'files' and 'dataset'"),
        ({"config": "plain"}, "'config' belongs to a 'dataset'"),
        ({"splits": {"test": "dev"}}, "'splits' belongs to a 'dataset'"),
        ({"files": None, "dataset": "imdb", "header": ["text", "label"]}, "'header' belongs to 'files'"),
        ({"target": "title"}, "give exactly one of 'label' and 'target'"),
        ({"label": None}, "give exactly one of 'label' and 'target'"),
        ({"kind": "generation"}, "'target' and kind 'generation' go together"),
        ({"kind": "regression", "labels": ["a", "b"]}, "'labels' are for classification"),
        ({"kind": "regression", "metric": "f1"}, "'metric' must be one of pearson, spearman for regression"),
        ({"kind": "ranking"}, "'task.kind'"),
        ({"label": "text"}, "must be another column than 'text'"),
        ({"lable": "x"}, r"Unknown key 'task.lable'\. Did you mean 'label'\?"),
    ],
)
def test_a_mistake_is_named_with_its_path(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        validate(FilesTask, {**MINIMAL, **change}, "task")


@pytest.mark.parametrize("key", ["max_train_samples", "max_validation_samples", "max_test_samples", "max_length"])
def test_no_limit_is_zero_or_less(key: str) -> None:
    for value in (0, -1):
        with pytest.raises(ConfigError, match=f"'data.{key}'"):
            validate(DataOptions, {key: value}, "data")


def test_paths_may_be_strings_or_paths() -> None:
    given = {**MINIMAL, "files": {"train": Path("a.csv"), "test": "b.csv"}}
    assert validate(FilesTask, given).files == {"train": Path("a.csv"), "test": Path("b.csv")}
