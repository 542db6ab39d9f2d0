"""When the state of a training is saved, and from which it goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import distributed

from sinkd_plugin.console import note
from sinkd_plugin.textbrewer.gathering import gathered
from sinkd_plugin.textbrewer.keeping import State
from sinkd_plugin.textbrewer.randomness import RandomState
from sinkd_plugin.training import processes
from sinkd_plugin.training.checkpoint_options import CheckpointOptions
from sinkd_plugin.training.checkpoints import Checkpoints
from sinkd_plugin.training.config import RunConfig, plain
from sinkd_plugin.training.device import seed_this_process
from sinkd_plugin.training.run_folder import CHECKPOINTS_FOLDER
from sinkd_plugin.training.state_tree import joined, split
from sinkd_plugin.training.stopping import StopRequest, stopped


@dataclass(kw_only=True)
class RunKeeper:
    """Saves the state of a training now and then, and when it is to stop; of several processes the first one writes.

    Args:
        checkpoints: Where states go.
        options: When.
        stop: What signals have asked for.
        seed: Of the run, for processes that no state knows.
        facts: What ``state.json`` says beside the state.
        score: The student's score on the validation split, where the best state is to be kept.
        record: The last checkpoint that is whole; ``None`` to start anew.
    """

    checkpoints: Checkpoints
    options: CheckpointOptions
    stop: StopRequest
    seed: int
    facts: Mapping[str, Any]
    score: Callable[[], float] | None = None
    record: Mapping[str, Any] | None = None

    def begin(self, total_steps: int) -> Mapping[str, Any] | None:
        """The state to go on from."""
        self._total, self._saved_at = total_steps, time.monotonic()
        if self.record is None:
            processes.on_first(self.checkpoints.clear)
            return None
        state: Mapping[str, Any] = self.record["state"]
        self.record = None  # nothing else needs its memory
        note(f"Going on after step {state['step']} of {total_steps}")
        own = state["random"][processes.rank() :][:1]
        if own:
            RandomState.from_state(own[0]).restore()
        else:
            seed_this_process(self.seed, processes.rank())
        return state

    def after_step(self, step: int, state: Callable[[], State]) -> None:
        """Save if it is time.

        Raises:
            StoppedError: If a signal has asked for it; the state is saved.
        """
        number, due = self._agreed(step)
        if due or number:
            self._save(step, state())
        if number:
            raise stopped(number, "nothing: the state is saved")

    def finish(self, student: torch.nn.Module) -> None:
        """Give the student the best checkpoint's weights, if that is what the configuration asks for."""
        best = self.checkpoints.best()
        if self.options.use_best and best is not None:
            note(f"Taking the student of step {best['step']}: {best['metric']} {best['value']:.4g}")
            student.load_state_dict(self.checkpoints.load(best["step"])["state"]["model"])

    def _agreed(self, step: int) -> tuple[int, bool]:
        """The signal that any process has met, and whether the first one finds that it is time."""
        minutes = (time.monotonic() - self._saved_at) / 60
        late = self.options.minutes is not None and minutes >= self.options.minutes
        every = self.options.steps
        found = torch.tensor([self.stop.number, int(late and processes.rank() == 0)])
        if processes.count() > 1:
            found = found.to(processes.meeting_place())
            distributed.all_reduce(found, distributed.ReduceOp.MAX)
        number, timely = found.tolist()
        counted = every is not None and step % every == 0
        return number, bool(timely or counted or (self.score is not None and step == self._total))

    def _save(self, step: int, state: State) -> None:
        random = RandomState.now()  # of this very moment: scoring the student changes nothing of the training
        value = None if self.score is None else self.score()
        random.restore()
        whole = {**state, "random": _of_all(random)}
        processes.on_first(lambda: self._write(step, whole, value))
        self._saved_at = time.monotonic()

    def _write(self, step: int, state: State, value: float | None) -> None:
        metric = self.options.best
        scored = {} if metric is None else {"validation": {metric: value}}
        self.checkpoints.write(step, state, {**self.facts, **scored})
        if metric is not None and value is not None:
            self.checkpoints.offer(step, metric, value)


def _of_all(random: RandomState) -> list[Any]:
    """The generators' states of every process."""
    if processes.count() == 1:
        return [random.as_state()]
    numbers, tensors = split(random.as_state())
    text = torch.frombuffer(bytearray(json.dumps(numbers).encode()), dtype=torch.uint8)
    own = {"plain": text.to(processes.meeting_place()), **tensors}
    found = gathered(own, processes.meeting_place())
    return [joined(json.loads(bytes(part.pop("plain").tolist())), part) for part in found]


def keeper_of(
    config: RunConfig,
    name: str,
    expected: str,
    stop: StopRequest,
    per_epoch: int,
    score: Callable[[], float] | None = None,
) -> RunKeeper:
    """The keeper of one training of a run.

    Args:
        config: The configuration.
        name: ``teacher``, or the student's name.
        expected: Fingerprint of everything the training depends on.
        stop: What signals have asked for.
        per_epoch: Optimiser steps of an epoch.
        score: The student's score on the validation split, where the best state is to be kept.
    """
    options = config.training.checkpoints
    if score is not None and options.steps is None:
        options = options.model_copy(update={"steps": per_epoch})
    checkpoints = Checkpoints(config.training.output_dir / CHECKPOINTS_FOLDER / name, expected, options.keep)
    return RunKeeper(
        checkpoints=checkpoints,
        options=options,
        stop=stop,
        seed=config.training.seed,
        facts={"config": plain(config)},
        score=score,
        record=checkpoints.newest(),
    )
