"""Data sets of the hub, or of a folder, as ``datasets`` loads them."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from sinkd_plugin.errors import DataError, DownloadError
from sinkd_plugin.tasks.table import quiet_datasets

if TYPE_CHECKING:
    from datasets import DatasetDict


def hub_splits(repository: str, config: str | None, rule: str, cure: str) -> DatasetDict:
    """Every split of a data set.

    Args:
        repository: Its id on the hub.
        config: Its configuration, where it has several.
        rule: What must hold, for the message of a failure.
        cure: What the user can do about it.

    Raises:
        DownloadError: If it cannot be had.
    """
    from datasets import load_dataset

    try:
        with quiet_datasets():
            return load_dataset(repository, config)
    except Exception as error:  # the hub's client raises errors of three libraries
        raise DownloadError(rule, received=_reason(error), cure=cure) from error


def folder_splits(folder: Path, config: str | None, where: str) -> DatasetDict:
    """Every split of a data set that lies in a folder, always read anew.

    Args:
        folder: The folder.
        config: The data set's configuration, where it has several.
        where: Path of the folder's key in the configuration, for messages.

    Raises:
        DataError: If ``datasets`` cannot read it.
    """
    from datasets import load_dataset

    with quiet_datasets(), warnings.catch_warnings(), tempfile.TemporaryDirectory() as cache:
        # the library's CSV reader leaves its files to the garbage collector
        warnings.filterwarnings("ignore", message="unclosed file", category=ResourceWarning)
        try:
            # a cache of its own for each call: the library's would hand back an older version of a changed file
            return load_dataset(str(folder), config, cache_dir=cache, keep_in_memory=True)
        except Exception as error:  # the parsers below `datasets` raise a dozen types
            raise DataError(
                f"'{where}' must be a folder that datasets.load_dataset can read.",
                received=f"'{folder}': {_reason(error)}",
                cure="Repair it, or name its files under task.files.",
            ) from error


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
