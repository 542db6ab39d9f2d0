"""What ``load_task`` asks of any task, a third party's too."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sinkd_plugin.catalog import catalog
from sinkd_plugin.errors import DataError, UnknownNameError
from sinkd_plugin.hookspecs import hookimpl
from sinkd_plugin.plugins import loaded_plugins
from sinkd_plugin.specs import TaskSpec
from sinkd_plugin.tasks.duplicates import crossing, normalised
from sinkd_plugin.tasks.load import LoadedTask, load_task
from sinkd_plugin.tasks.options import DataOptions

datasets = pytest.importorskip("datasets")

GOOD: dict[str, list[Any]] = {"text": ["a", "b", "c"], "label": [0, 1, 0]}


def load(task: str) -> LoadedTask:
    return load_task(task, data_dir=None, data=DataOptions(), seed=0)


@pytest.fixture
def provide() -> Iterator[Callable[[dict[str, dict[str, list[Any]]]], str]]:
    """Register a plugin with one task made of the given splits, for one test; returns the task's name."""
    manager = loaded_plugins().manager
    plugins: list[Any] = []

    def register(splits: dict[str, dict[str, list[Any]]]) -> str:
        class Plugin:
            @hookimpl
            def sinkd_tasks(self) -> list[TaskSpec]:
                return [
                    TaskSpec(name="acme/t", summary=".", text=("text",), labels=("no", "yes"), metric="f1", load=read)
                ]

        def read(_folder: Path | None) -> Any:
            return datasets.DatasetDict({name: datasets.Dataset.from_dict(rows) for name, rows in splits.items()})

        plugins.append(Plugin())
        manager.register(plugins[-1], name="acme")
        catalog.cache_clear()
        return "acme/t"

    yield register
    for plugin in plugins:
        manager.unregister(plugin)
    catalog.cache_clear()


Provide = Callable[[dict[str, dict[str, list[Any]]]], str]


def test_a_third_partys_task_is_loaded_and_numbered(provide: Provide) -> None:
    loaded = load(provide(dict.fromkeys(("train", "validation", "test"), GOOD)))
    assert loaded.text("validation") == [("a",), ("b",), ("c",)]
    assert loaded.indices("test") == [0, 1, 2]
    assert loaded.label_count == 2


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ({"text": ["a", "b"], "label": [0, 2]}, r"Received: 2 in row 2 of 'acme/t, train'"),
        ({"text": ["a", None], "label": [0, 1]}, r"Received: None in row 2 of 'acme/t, train'"),
        ({"words": ["a", "b"], "label": [0, 1]}, r"must name a column of 'acme/t, train'"),
        ({"text": [], "label": []}, r"must have examples in train, validation, test. Received: none in train"),
    ],
)
def test_a_third_partys_task_is_held_to_the_rules(provide: Provide, train: dict[str, list[Any]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load(provide({"train": train, "validation": GOOD, "test": GOOD}))


def test_a_missing_split_is_named(provide: Provide) -> None:
    with pytest.raises(DataError, match="Received: none in validation"):
        load(provide({"train": GOOD, "test": GOOD}))


def test_an_unknown_task_suggests_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"No task is called 'glue/tre'\. Did you mean 'glue/rte'\?"):
        load("glue/tre")


def test_texts_are_the_same_but_for_case_punctuation_and_spacing() -> None:
    assert normalised(("It's a  DOG_day!",)) == normalised(("it s a dog day",))
    assert normalised(("STRASSE",)) == normalised(("straße",))
    assert normalised((":)",)) != normalised((":(",))
    assert normalised(("a b", "c")) != normalised(("a", "b c"))


def test_shared_texts_are_counted_once_for_each_two_splits() -> None:
    splits = {"train": [("A",), ("a!",), ("b",)], "validation": [("a",), ("c",)], "test": [("d",)]}
    assert crossing(splits) == {("train", "validation"): 1}


def test_hyper_parameters_can_be_chosen_without_the_test_split(provide: Provide) -> None:
    task = provide({**dict.fromkeys(("train", "validation"), GOOD), "test": {"text": ["unseen"], "label": [1]}})
    loaded = load_task(task, data_dir=None, data=DataOptions(scored_split="validation"), seed=0)
    assert loaded.text("test") == loaded.text("validation") == [("a",), ("b",), ("c",)]
