"""The task ``acme/beers``: is the beer light or dark? Its data lie beside this file."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from sinkd_plugin.specs import TaskSpec

if TYPE_CHECKING:
    from datasets import DatasetDict

SPLITS = ("train", "validation", "test")


def load(data_dir: Path | None) -> DatasetDict:
    """``beers.csv`` of ``data_dir``, or our own, by its column ``split``; sinkd checks texts and labels."""
    from datasets import Dataset, DatasetDict

    file = (data_dir or Path(__file__).parent) / "beers.csv"
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return DatasetDict({split: Dataset.from_list([row for row in rows if row["split"] == split]) for split in SPLITS})


SPEC = TaskSpec(
    name="acme/beers",
    summary="Is the beer that a sentence describes light or dark?",
    text=("text",),
    labels=("light", "dark"),
    metric="accuracy",
    load=load,
    license="cc0-1.0",
)
