"""Phrases of the movie reviews and their sorted words."""

from pathlib import Path

import pytest

from sinkd_plugin.tasks.load import LoadedTask, load_task
from sinkd_plugin.tasks.options import DataOptions
from sinkd_plugin.tasks.word_order import LENGTH

pytest.importorskip("datasets")


@pytest.fixture(scope="module")
def task(reviews_dir: Path) -> LoadedTask:
    return load_task("reviews/word_order", data_dir=reviews_dir, data=DataOptions(), seed=0)


def targets(task: LoadedTask, split: str) -> list[str]:
    return list(task.splits[split]["target"][:])


def test_the_splits_are_large_enough_to_learn_from(task: LoadedTask) -> None:
    assert task.sizes == {"train": 22_797, "validation": 2842, "test": 2849}


def test_the_question_has_the_words_of_the_answer_in_alphabetical_order(task: LoadedTask) -> None:
    for split in task.sizes:
        for (words,), target in zip(task.text(split), targets(task, split), strict=True):
            assert words.split() == sorted(target.split())
            assert words != target
            assert len(target.split()) == LENGTH


def test_no_phrase_is_in_two_splits_or_twice_in_one(task: LoadedTask) -> None:
    phrases = {split: targets(task, split) for split in task.sizes}
    assert all(len(set(found)) == len(found) for found in phrases.values())
    assert set(phrases["train"]).isdisjoint(phrases["validation"])
    assert set(phrases["train"]).isdisjoint(phrases["test"])


def test_phrases_do_not_cross_punctuation_and_come_from_their_split(task: LoadedTask, reviews_dir: Path) -> None:
    reviews = load_task("reviews", data_dir=reviews_dir, data=DataOptions(), seed=0)
    whole = " \n ".join(" ".join(text.lower().split()) for (text,) in reviews.text("test"))
    assert all(phrase in whole for phrase in targets(task, "test")[:300])
