"""What a timing run may be told."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, field_validator, model_validator

from sinkd_export.session import MOST_THREADS
from sinkd_plugin.errors import UserError
from sinkd_plugin.options import Options


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A batch of inputs: ``batch`` rows of ``length`` tokens each."""

    batch: int
    length: int

    def __str__(self) -> str:
        return f"{self.batch}x{self.length}"


MOST_TOKENS = 1 << 20
"""Of a batch: its activations fill tens of gigabytes."""

DEFAULT_SHAPES = (Shape(batch=1, length=16), Shape(batch=1, length=128), Shape(batch=8, length=128))


def parse_shape(text: str) -> Shape:
    """Read ``8x128``.

    Raises:
        UserError: If it is no such thing.
    """
    match = re.fullmatch(r"([1-9]\d*)[x×]([1-9]\d*)", text.strip())
    if match is None:
        raise UserError("A shape must be BATCHxLENGTH, such as 8x128.", received=repr(text))
    return Shape(batch=int(match[1]), length=int(match[2]))


def parse_numbers(text: str, option: str) -> tuple[int, ...]:
    """Read ``1,8,32``.

    Raises:
        UserError: If it is no such thing.
    """
    if re.fullmatch(r"[1-9]\d*(,[1-9]\d*)*", text.strip()) is None:
        raise UserError(f"{option} must be whole numbers parted by commas, such as 1,8,32.", received=repr(text))
    return tuple(int(number) for number in text.split(","))


def shape_grid(batches: Sequence[int], lengths: Sequence[int]) -> tuple[Shape, ...]:
    """Every batch with every length."""
    return tuple(Shape(batch=batch, length=length) for batch in batches for length in lengths)


class BenchOptions(Options):
    """Options of a timing run.

    Args:
        shapes: Batches to time.
        forms: Forms to time Transformers folders in; an exported folder is timed as it is.
        providers: Execution providers of onnxruntime, in small letters; PyTorch runs on the same device.
        threads: Threads of either backend.
        rounds: Rounds per shape; by default as many as fit into ``seconds``.
        seconds: Time for all rounds of all shapes together, and once more for those of the task's texts.
        memory: Measure loading and memory of each model in a process of its own.
        task: A task, to score the models on and to time them on its own texts.
        data_dir: Folder with the task's files.
        samples: Texts of the task's test split that are timed; it is scored on all of them.
        max_length: Tokens that the task's texts are cut to, and padded to; by default those of training.
        new_tokens: Tokens that a generative model writes in a call.
    """

    shapes: tuple[Shape, ...] = Field(default=DEFAULT_SHAPES, min_length=1)
    forms: tuple[str, ...] = Field(default=("eager",), min_length=1)
    providers: tuple[str, ...] = Field(default=("cpu",), min_length=1)
    threads: int = Field(default=1, ge=1, le=MOST_THREADS)
    rounds: int | None = Field(default=None, ge=1)
    seconds: float = Field(default=15.0, gt=0)
    memory: bool = True
    task: str | None = None
    data_dir: Path | None = None
    samples: int = Field(default=128, ge=1)
    max_length: int | None = Field(default=None, ge=8)
    new_tokens: int = Field(default=32, ge=1)

    @field_validator("shapes")
    @classmethod
    def _of_a_size_that_can_be(cls, shapes: tuple[Shape, ...]) -> tuple[Shape, ...]:
        huge = [str(shape) for shape in shapes if shape.batch * shape.length > MOST_TOKENS]
        if huge:
            raise ValueError(f"a batch must hold at most {MOST_TOKENS:,} tokens, not {', '.join(huge)}")
        return shapes

    @model_validator(mode="after")
    def _no_task_no_options_of_it(self) -> BenchOptions:
        idle = [name for name in ("data_dir", "samples", "max_length") if name in self.model_fields_set]
        if self.task is None and idle:
            raise ValueError(f"{', '.join(idle)} must come with a task (--task NAME)")
        return self
