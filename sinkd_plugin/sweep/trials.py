"""One trial after another, beside other processes that do the same."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import mean
from typing import Any

import numpy as np
import optuna
from filelock import FileLock, Timeout
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, Trial, TrialState

from sinkd_plugin.console import note
from sinkd_plugin.errors import ConfigError
from sinkd_plugin.storage import locked
from sinkd_plugin.study.cells import Cell
from sinkd_plugin.study.store import Outcome, Store
from sinkd_plugin.study.work import work
from sinkd_plugin.sweep.cells import cell_of
from sinkd_plugin.sweep.config import DEFAULT_TRIALS, SweepConfig
from sinkd_plugin.sweep.space import Params, distributions, grid, setting

_POLL_SECONDS = 2.0
_PLACE, _INSTEAD_OF = "place", "instead_of"


def try_settings(sweep: SweepConfig, study: optuna.Study) -> None:
    """Try settings until there are as many as the sweep asks for, here or in other processes.

    A setting whose process has died is tried anew, and its runs go on where they stopped. What another process on this
    machine is at is waited for.
    """
    store = Store(sweep.folder)
    while True:
        with _next(sweep, study) as trial:
            if trial is not None:
                _carry_out(trial, sweep, study, store)
                continue
        if not any(running.user_attrs.get(_PLACE) == _here(sweep) for running in _of(study, TrialState.RUNNING)):
            return
        time.sleep(_POLL_SECONDS)


@contextmanager
def _next(sweep: SweepConfig, study: optuna.Study) -> Iterator[Trial | None]:
    """A trial that is this process's while the context lasts; ``None`` where there are enough."""
    lock: FileLock | None = None
    trial = None
    with locked(sweep.folder / "asking"):
        _take_over(sweep, study)
        if _prepared(sweep, study):
            trial = study.ask(distributions(sweep.space))
            trial.set_user_attr(_PLACE, _here(sweep))
            lock = _lock(sweep, trial.number)
            lock.acquire()
    try:
        yield trial
    finally:
        if lock is not None:
            lock.release()


def _prepared(sweep: SweepConfig, study: optuna.Study) -> bool:
    """Let the next trial be what the sampler wants; ``False`` where there are enough."""
    study.sampler = _sampler(sweep, len(study.get_trials(deepcopy=False)))
    spent = _spent(study)
    if sweep.sampler != "grid":
        return len(spent) < (sweep.trials or DEFAULT_TRIALS)
    tried = [trial.params for trial in spent]
    left = [point for point in _points(sweep) if point not in tried]
    if left:
        study.enqueue_trial(left[0], skip_if_exists=True)
    return bool(left)


def _sampler(sweep: SweepConfig, asked: int) -> BaseSampler:
    """A sampler that draws the same for a trial whichever process asks, and never the same for two."""
    seed = int(np.random.SeedSequence((sweep.seed, asked)).generate_state(1)[0])
    return TPESampler(seed=seed) if sweep.sampler == "tpe" else RandomSampler(seed=seed)


def _points(sweep: SweepConfig) -> list[Params]:
    """The settings of the grid in a seeded order: a sweep that is cut short has seen all of its parts."""
    points = grid(sweep.space)
    order = np.random.default_rng(sweep.seed).permutation(len(points))
    return [points[number] for number in order[: sweep.trials]]


def _take_over(sweep: SweepConfig, study: optuna.Study) -> None:
    """Ask again for the settings of trials whose process on this machine has died."""
    for trial in _of(study, TrialState.RUNNING):
        if trial.user_attrs.get(_PLACE) != _here(sweep):
            continue
        lock = _lock(sweep, trial.number)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            continue
        note(f"Trial {trial.number} was cut short and is tried again")
        study.enqueue_trial(trial.params, user_attrs={_INSTEAD_OF: trial.number})
        study.tell(trial.number, state=TrialState.FAIL)
        lock.release()


def _spent(study: optuna.Study) -> list[FrozenTrial]:
    """Trials that count, ended or under way: those that another took the place of do not."""
    trials = study.get_trials(deepcopy=False)
    replaced = {trial.user_attrs.get(_INSTEAD_OF) for trial in trials}
    return [trial for trial in trials if trial.number not in replaced and trial.state != TrialState.WAITING]


def ended(study: optuna.Study) -> list[FrozenTrial]:
    """Trials that count and have ended, in their order."""
    return [trial for trial in _spent(study) if trial.state.is_finished()]


def _of(study: optuna.Study, state: TrialState) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(state,))


def _carry_out(trial: Trial, sweep: SweepConfig, study: optuna.Study, store: Store) -> None:
    """Run a trial's setting with every seed, and tell what it scored on the validation split."""
    try:
        cells = [cell_of(sweep, setting(sweep.space, trial.params), seed) for seed in sweep.seeds]
    except ConfigError as error:  # keys that are right one by one may not go together
        trial.set_user_attr("error", str(error))
        study.tell(trial, state=TrialState.FAIL)
        return
    work(cells, store)
    outcomes = [_outcome(cell, store) for cell in cells]
    errors = [outcome.error for outcome in outcomes if outcome.result is None]
    if errors:
        trial.set_user_attr("error", errors[0])
        study.tell(trial, state=TrialState.FAIL)
        return
    scores = [_score(outcome.result or {}, sweep.metric) for outcome in outcomes]
    trial.set_user_attr("scores", scores)
    study.tell(trial, mean(scores))


def _outcome(cell: Cell, store: Store) -> Outcome:
    outcome = store.outcome(cell)
    assert outcome is not None  # noqa: S101 - ``work`` returns when every cell has ended
    return outcome


def _score(result: dict[str, Any], metric: str | None) -> float:
    return float(result["student"]["test"][metric or result["metric"]])


def _here(sweep: SweepConfig) -> str:
    """Which processes can see whether one another live: those of a machine and a folder."""
    return f"{socket.gethostname()}:{sweep.folder.resolve()}"


def _lock(sweep: SweepConfig, number: int) -> FileLock:
    folder = sweep.folder / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / f"{sweep.name}-trial-{number}.lock")
