"""Functions of tensors that a compiler calls, and does not look into."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import torch

Result = TypeVar("Result")


class Operator(Generic[Result]):
    """A function that reads the memory of tensors: called as it is, and as an operator of PyTorch in a traced graph.

    Args:
        function: Takes detached tensors of a CPU and plain numbers, returns new tensors; with annotations.
        shapes: Takes the same, returns tensors of the shapes and types of the results.
    """

    def __init__(self, function: Callable[..., Result], shapes: Callable[..., Result]) -> None:
        self._function = function
        self._name = function.__name__.strip("_")
        name = f"sinkd::{self._name}"
        # By hand, for ``torch.library.custom_op`` checks at every call what is known here, and that takes longer.
        torch.library.define(name, torch.library.infer_schema(function, mutates_args=()))
        torch.library.impl(name, "cpu", function)
        torch.library.register_fake(name, shapes)

    def __call__(self, *args: Any) -> Result:
        """Compute."""
        if torch.compiler.is_compiling():
            traced: Callable[..., Result] = getattr(torch.ops.sinkd, self._name)
            return traced(*args)
        return self._function(*args)
