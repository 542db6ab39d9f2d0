"""Where the trials of a sweep are kept: a file, or a database that many machines share."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from sqlalchemy.exc import ArgumentError, DatabaseError, SQLAlchemyError

from sinkd_plugin.errors import ConfigError, StorageError, UserError
from sinkd_plugin.storage import as_storage_error
from sinkd_plugin.sweep.config import SweepConfig

_DESCRIPTION = "sweep"
optuna.logging.set_verbosity(optuna.logging.WARNING)


def opened(sweep: SweepConfig) -> optuna.Study:
    """The sweep's trials, new or as they are.

    Raises:
        ConfigError: If the storage's URL names no kind of database.
        StorageError: If the storage cannot be reached or written.
        UserError: If it holds another sweep by this name.
    """
    with database_errors(sweep):
        study = _created(sweep)
        described = json.loads(json.dumps(_decisive(sweep)))
        if study.user_attrs.setdefault(_DESCRIPTION, described) != described:
            raise UserError(
                "A storage holds one sweep by a name.",
                received=f"'{sweep.name}' with another base, space, seeds or metric in {place(sweep)}",
                cure="Give this one another name.",
            )
        study.set_user_attr(_DESCRIPTION, described)
        return study


def _created(sweep: SweepConfig, attempts: int = 3) -> optuna.Study:
    """Made or loaded; another machine may be making the tables of a new database at the same time."""
    try:
        return optuna.create_study(
            study_name=sweep.name, storage=_storage(sweep), direction="maximize", load_if_exists=True
        )
    except DatabaseError:
        if attempts == 1:
            raise
    time.sleep(1)
    return _created(sweep, attempts - 1)


def place(sweep: SweepConfig) -> str:
    """The file or the URL."""
    return sweep.storage or str(sweep.folder / "trials.journal")


@contextmanager
def database_errors(sweep: SweepConfig) -> Iterator[None]:
    """What databases and disks fail with, in our words."""
    try:
        yield
    except ArgumentError as error:
        raise ConfigError("'storage' must be a file or a database's URL.", received=_received(sweep, error)) from error
    except SQLAlchemyError as error:
        raise StorageError("A sweep's storage must be within reach.", received=_received(sweep, error)) from error
    except OSError as error:
        raise as_storage_error(Path(place(sweep)), error) from error


def _storage(sweep: SweepConfig) -> BaseStorage:
    where = place(sweep)
    if "://" not in where:
        Path(where).parent.mkdir(parents=True, exist_ok=True)
        return JournalStorage(JournalFileBackend(where))
    return RDBStorage(where)


def _decisive(sweep: SweepConfig) -> dict[str, Any]:
    """What all trials of a sweep have in common; more of them, or others how they are drawn, may come later."""
    data: dict[str, Any] = sweep.model_dump(mode="json", include={"base", "space", "seeds", "metric"})
    return data


def _received(sweep: SweepConfig, error: Exception) -> str:
    """The storage without the password that a URL may hold, and what is wrong with it."""
    scheme, separator, rest = place(sweep).partition("://")
    reason = str(error).strip().splitlines()[0]
    return f"{scheme}{separator}{rest.rpartition('@')[2]} ({reason})"
