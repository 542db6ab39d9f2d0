"""The task ``reviews/word_order``: the words of a phrase, sorted; to be written is the phrase.

A generation task that needs neither a hub nor a large model: every word of the answer stands in the question, and which
order is right is a matter of English. Several orders are often possible, so a teacher's distribution tells more than
its best guess.

The phrases are five consecutive words of a movie review without punctuation between them, in small letters. A review
gives all of its phrases that do not overlap, to the split that it belongs to; phrases of the training split are left
out of the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sinkd_plugin.tasks.reviews import load_reviews

if TYPE_CHECKING:
    from datasets import DatasetDict

LENGTH = 5
"""Words of a phrase."""

_BETWEEN_CLAUSES = re.compile(r"[^\w\s'-]+|\s-+\s|'{2,}")


def load_word_order(data_dir: Path | None) -> DatasetDict:
    """Columns ``words``, the words of a phrase in alphabetical order, and ``target``, the phrase.

    Args:
        data_dir: As for ``load_reviews``, whose errors it raises.
    """
    from datasets import Dataset, DatasetDict

    reviews = load_reviews(data_dir)
    found = {name: list(dict.fromkeys(_phrases(reviews[name]["text"][:]))) for name in ("train", "validation", "test")}
    seen = set(found["train"])
    kept = {name: [one for one in phrases if name == "train" or one not in seen] for name, phrases in found.items()}
    return DatasetDict(
        {
            name: Dataset.from_dict({"words": [sorted_words(one) for one in phrases], "target": phrases})
            for name, phrases in kept.items()
        }
    )


def sorted_words(phrase: str) -> str:
    """The words of a phrase in alphabetical order.

    Example:
        >>> sorted_words("a warm and funny film")
        'a and film funny warm'
    """
    return " ".join(sorted(phrase.split()))


def _phrases(texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        for clause in _BETWEEN_CLAUSES.split(text.lower()):
            words = clause.split()
            for start in range(0, len(words) - LENGTH + 1, LENGTH):
                phrase = " ".join(words[start : start + LENGTH])
                if phrase != sorted_words(phrase):
                    yield phrase
