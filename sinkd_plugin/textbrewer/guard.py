"""Stop before a loss that is no number reaches the weights, and say which step, which term and which examples."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch

from sinkd_plugin.errors import AnotherStoppedError, NonFiniteLossError, SinkdError
from sinkd_plugin.textbrewer.batches import described
from sinkd_plugin.textbrewer.rescue import save_state

Computed = TypeVar("Computed")
_CURE = "Lower the learning rate, or set training.precision to fp32."


class NonFiniteGuard:
    """Checks the total of every forward pass and the gradient of every step; expects ``t_config`` and ``rank``."""

    t_config: Any
    rank: int
    local_rank: int
    _broken_rows: Sequence[int] = ()

    def _student(self) -> Any:
        raise NotImplementedError

    def _stop(self, error: NonFiniteLossError, batch: Any, optimizer: Any, step: int) -> NonFiniteLossError:
        """The same error with the examples in it, once the state is saved."""
        examples = described(batch, self._broken_rows)
        name = f"non_finite_step{step}" + (f"_rank{self.rank}" if self.local_rank != -1 else "")
        facts = {"step": step, "found": str(error), "examples": examples}
        try:
            folder = save_state(Path(self.t_config.output_dir) / name, self._student(), optimizer, batch, facts)
            kept = f"the state before this step is in '{folder}'"
        except (SinkdError, ImportError) as failure:  # the loss is the news, whatever becomes of its traces
            kept = f"the state could not be saved: {failure}"
        return NonFiniteLossError(error.rule, received=f"{error.received}, in {examples}; {kept}", cure=error.cure)

    @contextmanager
    def _naming(self, batch: Any, course: Any) -> Iterator[None]:
        """A loss that is no number is that of ``batch``: name its examples, and save the state."""
        try:
            yield
        except NonFiniteLossError as error:
            if self._tolerant():
                raise
            raise self._stop(error, batch, course.optimizer, course.passes) from error

    def _tolerant(self) -> bool:
        """Whether a step whose loss is no number may still be skipped."""
        return False

    def _safely(self, compute: Callable[[], Computed]) -> Computed:
        """What ``compute`` returns; where it fails on one process, every process stops instead of waiting for that one.

        Raises:
            AnotherStoppedError: On the processes where it did not fail.
        """
        found: Computed | None = None
        failure: Exception | None = None
        try:
            found = compute()
        except Exception as error:
            failure = error
        self._raise_together(failure)
        assert found is not None  # noqa: S101 - else there was a failure
        return found

    def _raise_together(self, error: Exception | None) -> None:
        """Raise on every process if one of them has an error; else the others would wait for it for ever."""
        skipped = isinstance(error, NonFiniteLossError) and self._tolerant()
        failed = torch.tensor(0 if error is None else 1 if skipped else 2)
        if self.local_rank != -1:
            failed = failed.to(self.t_config.device)
            torch.distributed.all_reduce(failed, torch.distributed.ReduceOp.MAX)
        if error is not None:
            raise error
        if failed == 1:
            raise NonFiniteLossError("The loss must be finite at every step.", received="another process's is not")
        if failed:
            raise AnotherStoppedError(
                "Training goes on only while every process does.",
                received="another process stopped",
                cure="Read what that one says.",
            )


def check_values(values: Mapping[str, float], step: int) -> None:
    """Check the total of one forward pass.

    Args:
        values: ``total_loss`` and the terms.
        step: Number of the forward pass.

    Raises:
        NonFiniteLossError: If the total is NaN or infinite; names every term.
    """
    if not math.isfinite(values["total_loss"]):
        raise NonFiniteLossError(
            "The loss must be finite at every step.",
            received=f"at step {step}: " + ", ".join(f"{name} {value:g}" for name, value in values.items()),
            cure=_CURE,
        )


def clip(parameters: Sequence[torch.Tensor], max_grad_norm: float, step: int) -> None:
    """Clip the gradient's norm, where ``max_grad_norm`` is positive as TextBrewer has it, and check it in any case.

    Raises:
        NonFiniteLossError: If a gradient is NaN or infinite, though the loss was a number.
    """
    if max_grad_norm > 0:
        norm = torch.nn.utils.clip_grad_norm_(parameters, max_grad_norm)
    else:
        norm = torch.nn.utils.get_total_norm([weight.grad for weight in parameters if weight.grad is not None])
    if not bool(torch.isfinite(norm)):
        raise NonFiniteLossError(
            "The gradient must be finite at every step.", received=f"norm {float(norm):g} at step {step}", cure=_CURE
        )
