"""The task ``reviews``: rated snippets of movie reviews, fetched as part of a package's source distribution.

Never score a model trained on this task on SST-2, nor the other way round: both draw on the same reviews, and 719 of
the 872 sentences of SST-2's development split are among these snippets.

Reference: Hutto and Gilbert, VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text,
ICWSM 2014. The snippets were rated by twenty people each, from -4 to 4; MIT licence.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from sinkd_plugin.errors import ChecksumError, DataError
from sinkd_plugin.storage import as_storage_error, cache_folder, new_file
from sinkd_plugin.tasks.archive import read_member
from sinkd_plugin.tasks.duplicates import digest
from sinkd_plugin.tasks.source_distribution import fetch_source_distribution
from sinkd_plugin.tasks.splits import texts_of
from sinkd_plugin.tasks.table import read_table

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

PACKAGE, VERSION = "vaderSentiment", "3.3.2"
ARCHIVE = f"{PACKAGE}-{VERSION}.tar.gz"
ARCHIVE_SHA256 = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
RATINGS = "movieReviewSnippets_GroundTruth.txt"
RATINGS_SHA256 = "c8293b0d942e90e223ea2c0955d969040d1a1be514a978b9af0698940bd13350"

LARGEST_ARCHIVE = 16 << 20
LARGEST_RATINGS = 4 << 20
"""Bounds on what is read out of an archive, in bytes; several times what the published files need."""

THRESHOLD = 0.5
"""Ratings nearer to 0 than this have no label."""

HELD_OUT = 1000
"""Size of the test split, and of the validation split."""

_CURE = f"Check the network, or set data_dir to a folder that holds {ARCHIVE} or {RATINGS}."


def load_reviews(data_dir: Path | None) -> DatasetDict:
    """The movie reviews in their fixed split: 1,000 for the test, 1,000 for validation, the rest for training.

    The label is the sign of the mean rating where that is at least 0.5 away from 0. Of texts that are the same but
    for case, punctuation and spacing only the first is kept, so none is in two splits. Which example is in which
    split depends on its text alone.

    Args:
        data_dir: Folder that holds the source distribution or the text file; ``None``: the package index, once.

    Raises:
        DataError: If ``data_dir`` holds neither.
        DownloadError: If the package cannot be fetched.
        ChecksumError: If what was found is not what was published.
        StorageError: If the file cannot be kept in the cache.
    """
    from datasets import DatasetDict

    return DatasetDict(_split(ratings_file(data_dir)))


@lru_cache(maxsize=1)
def _split(verified: Path) -> DatasetDict:
    """Made once in a process: a file that is verified cannot hold anything else, and a study reads it at every run."""
    examples = _examples(read_table(verified, "data_dir", raw=True, columns=("id", "rating", "text")))
    fingerprints = [digest(texts) for texts in texts_of(examples, ("text",))]
    order = sorted(range(len(examples)), key=fingerprints.__getitem__)
    cuts = {"test": order[:HELD_OUT], "validation": order[HELD_OUT : 2 * HELD_OUT], "train": order[2 * HELD_OUT :]}
    from datasets import DatasetDict

    return DatasetDict({name: examples.select(sorted(cuts[name])) for name in ("train", "validation", "test")})


def ratings_file(data_dir: Path | None = None) -> Path:
    """The verified file of rated snippets; fetched into the cache the first time.

    Args:
        data_dir: Folder to take it from, instead of from the package index.
    """
    target = cache_folder() / "reviews" / RATINGS
    if data_dir is not None:
        return _from_folder(data_dir, target)
    if not _is_published(target):
        _fetch(target)
    return target


def _fetch(target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_suffix(".lock")):
            if not _is_published(target):  # another process may have been faster
                _keep(_from_archive(fetch_source_distribution(PACKAGE, VERSION, _CURE), ARCHIVE), target)
    except OSError as error:
        raise as_storage_error(target, error) from error


def _is_published(path: Path) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == RATINGS_SHA256


def _keep(content: bytes, target: Path) -> None:
    with new_file(target) as staging:
        staging.write_bytes(content)


def _from_folder(folder: Path, target: Path) -> Path:
    if (folder / RATINGS).is_file():
        _verified((folder / RATINGS).read_bytes(), RATINGS_SHA256, str(folder / RATINGS))
        return folder / RATINGS
    if (folder / ARCHIVE).is_file():
        _keep(_from_archive((folder / ARCHIVE).read_bytes(), str(folder / ARCHIVE)), target)
        return target
    raise DataError(
        f"'data_dir' must hold {ARCHIVE} or {RATINGS} for the task 'reviews'.",
        received=f"'{folder}'",
        cure=f"Run: pip download --no-deps --no-binary {PACKAGE} {PACKAGE}=={VERSION} -d '{folder}'",
    )


def _from_archive(archive: bytes, source: str) -> bytes:
    outer = f"{PACKAGE}-{VERSION}/additional_resources/hutto_ICWSM_2014.tar.gz"
    inner = read_member(_verified(archive, ARCHIVE_SHA256, source), outer, LARGEST_ARCHIVE)
    return _verified(read_member(inner, f"hutto_ICWSM_2014/{RATINGS}", LARGEST_RATINGS), RATINGS_SHA256, RATINGS)


def _verified(content: bytes, expected: str, source: str) -> bytes:
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise ChecksumError(
            f"'{source}' must have sha256 {expected}.", received=found, cure="Fetch it again, from another index."
        )
    return content


def _examples(table: Dataset) -> Dataset:
    from datasets import Dataset

    kept: dict[str, tuple[str, int]] = {}
    for text, rating in zip(table["text"][:], map(float, table["rating"][:]), strict=True):
        if abs(rating) >= THRESHOLD:
            kept.setdefault(digest((text,)), (text, int(rating > 0)))
    texts, labels = zip(*kept.values(), strict=True)
    return Dataset.from_dict({"text": list(texts), "label": list(labels)})
