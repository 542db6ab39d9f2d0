"""Read one file of examples with ``datasets``, always from the file itself, with errors a person can act on."""

from __future__ import annotations

import csv
import tempfile
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sinkd_plugin.errors import DataError
from sinkd_plugin.storage import as_storage_error
from sinkd_plugin.tasks.quotes import quotes_are_text

if TYPE_CHECKING:
    from datasets import Dataset

SUFFIXES = (".csv", ".tsv", ".jsonl", ".json", ".parquet")


def read_table(path: Path, where: str, *, raw: bool = False, columns: Sequence[str] | None = None) -> Dataset:
    """Read a file into memory.

    All cells of ``.csv`` and ``.tsv`` files stay text: nothing is taken for a number, and a review that says
    ``None`` is not taken for a missing one. Quotation marks enclose cells where the whole file holds to the rules of
    quoting, which files with tabs often do not.

    Args:
        path: A file with one of ``SUFFIXES`` (``.txt`` reads as ``.tsv``).
        where: Path of the file's key in the configuration, for messages.
        raw: Take quotation marks as they stand, as the official GLUE files need.
        columns: Column names of a file that has no header.

    Raises:
        DataError: If the file is missing, empty, of another kind, or cannot be read.
        StorageError: If the disk is full.
    """
    if path.suffix.lower() not in (*SUFFIXES, ".txt"):
        raise DataError(
            f"'{where}' must be one of {', '.join(SUFFIXES)}.", received=f"'{path}'", cure="Convert it to one of these."
        )
    if not path.is_file():
        raise DataError(f"'{where}' must be a file that exists.", received=f"'{path}'", cure="Check the path.")
    with _reading(path, where), tempfile.TemporaryDirectory() as cache:
        # a cache of its own for each call: the library's would hand back an older version of a changed file
        table = _read(path, raw, columns, {"cache_dir": cache, "keep_in_memory": True})
    if table.num_rows == 0:
        raise _no_rows(path, where)
    return table


def _read(path: Path, raw: bool, columns: Sequence[str] | None, settings: dict[str, Any]) -> Dataset:
    from datasets import Dataset

    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return Dataset.from_parquet(str(path), **settings)
    if suffix in (".json", ".jsonl"):
        return Dataset.from_json(str(path), **settings)
    settings |= {
        "sep": "," if suffix == ".csv" else "\t",
        "quoting": csv.QUOTE_NONE if raw or (suffix != ".csv" and quotes_are_text(path)) else csv.QUOTE_MINIMAL,
        "encoding": "utf-8-sig",
        "keep_default_na": False,
        # without it, rows with one cell too many shift every column by one, in silence
        "index_col": False,
    }
    return _read_as_text(path, columns, settings)


def _read_as_text(path: Path, columns: Sequence[str] | None, settings: dict[str, Any]) -> Dataset:
    """Read separated values with every column declared as text, which needs their names beforehand."""
    from datasets import Dataset, Features, Value

    header = columns or Dataset.from_csv(str(path), nrows=1, **settings).column_names
    names = {"column_names": list(columns)} if columns else {}
    features = Features({name: Value("string") for name in header})
    return Dataset.from_csv(str(path), features=features, **names, **settings)


@contextmanager
def _reading(path: Path, where: str) -> Iterator[None]:
    with quiet_datasets(), warnings.catch_warnings():
        warnings.filterwarnings("error", message="Length of header or names does not match")
        # the library's CSV reader leaves its file to the garbage collector
        warnings.filterwarnings("ignore", message="unclosed file", category=ResourceWarning)
        try:
            yield
        except Exception as error:  # the parsers below `datasets` raise a dozen types, some of them private
            cause = _root(error)
            for failure in (error, cause):
                traceback.clear_frames(failure.__traceback__)  # they hold the file open
            raise _as_ours(cause, path, where) from error


def _as_ours(cause: Exception, path: Path, where: str) -> Exception:
    reason = " ".join(str(cause).split()) or type(cause).__name__
    if "No space left on device" in reason:
        return as_storage_error(Path(tempfile.gettempdir()), cause)
    if "corresponds to no data" in reason:
        return _no_rows(path, where)
    return DataError(
        f"'{where}' must be a readable {path.suffix} file in UTF-8, with the same columns in every row.",
        received=f"'{path}': {reason}",
        cure="Repair the file, or save it anew.",
    )


def _no_rows(path: Path, where: str) -> DataError:
    return DataError(f"'{where}' must hold at least one example.", received=f"no rows in '{path}'")


def _root(error: Exception) -> Exception:
    while isinstance(error.__cause__, Exception):
        error = error.__cause__
    return error


@contextmanager
def quiet_datasets() -> Iterator[None]:
    """No progress bars and no log lines of ``datasets`` inside the block; their settings are put back after it."""
    from datasets.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
    from datasets.utils.logging import CRITICAL, get_verbosity, set_verbosity

    shown, verbosity = not are_progress_bars_disabled(), get_verbosity()
    disable_progress_bars()
    set_verbosity(CRITICAL)
    try:
        yield
    finally:
        set_verbosity(verbosity)
        if shown:
            enable_progress_bars()
