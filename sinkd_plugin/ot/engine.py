"""What a loss is computed by: PyTorch's operations, compiled loops on a CPU, or a fused kernel on an accelerator."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Literal, get_args

import torch

from sinkd_plugin.errors import ConfigError, MissingDependencyError

Engine = Literal["torch", "numba", "triton"]
"""What computed: the operations of PyTorch on any device, compiled loops on a CPU, or a kernel on an accelerator."""

Choice = Literal["auto", "torch", "numba", "triton"]

VARIABLE = "SINKD_ENGINE"
"""The environment variable that ``use_engine`` speaks of; read when this module is imported."""

_MOST_ENTRIES = 2**20
"""Entries of a kernel up to which loops on one thread are ahead of PyTorch's products, on however many."""

_MOST_FUSED_ROWS = 128
"""Rows of which a kernel's tiles fit into the registers of an accelerator's core."""

_choice: str = os.environ.get(VARIABLE, "auto")


@contextmanager
def use_engine(name: Choice) -> Iterator[None]:
    """Say within a block what computes, for all threads; ``SINKD_ENGINE`` says it for a whole process.

    Args:
        name: ``"auto"`` takes compiled loops where numba is installed and they are faster, and PyTorch elsewhere;
            ``"torch"`` never takes loops; ``"numba"`` takes them for every problem that they can solve. No loops ever
            run on an accelerator or in ``torch.export``. ``"triton"`` is ``"auto"`` with a fused kernel for small
            groups on a CUDA device, which is exact in Triton's interpreter and compiles for CUDA, and has not been run
            on hardware yet: look at its values before you rely on it.

    Raises:
        ConfigError: If there is no such engine.
        MissingDependencyError: Where numba or triton is asked for by name, would be used, and is not installed.
    """
    global _choice  # noqa: PLW0603 - one setting for the process, as PyTorch has them
    before, _choice = _choice, _checked(name)
    try:
        yield
    finally:
        _choice = before


def loops_apply(*tensors: torch.Tensor) -> bool:
    """Whether compiled loops can compute with these tensors, and may.

    Args:
        tensors: All of one type.
    """
    if _choice == "torch":
        return False
    for tensor in tensors:
        if tensor.device.type != "cpu" or tensor.dtype not in (torch.float32, torch.float64):
            return False
    return _memory_is_at_hand(tensors) and _loops_work(_checked(_choice))


def loops_sweep(tensor: torch.Tensor, entries: int) -> bool:
    """Whether compiled loops can sweep over a kernel, and are faster, or asked for.

    Args:
        tensor: What the problem is computed from.
        entries: Of the kernel of one problem.
    """
    fitting = 0 < entries <= _MOST_ENTRIES or _choice == "numba"
    return fitting and tensor.numel() > 0 and loops_apply(tensor)


def kernel_applies(tensor: torch.Tensor) -> bool:
    """Whether the fused kernel is asked for, and can compute with these rows.

    Args:
        tensor: ``(..., rows, classes)``.
    """
    if _choice != "triton" or tensor.dtype != torch.float32 or tensor.numel() == 0:
        return False
    interpreted = tensor.device.type == "cpu" and os.environ.get("TRITON_INTERPRET") == "1"
    runs = (tensor.device.type == "cuda" or interpreted) and not torch.compiler.is_compiling()
    return runs and tensor.shape[-2] <= _MOST_FUSED_ROWS and _memory_is_at_hand((tensor,)) and _triton_loads()


def _memory_is_at_hand(tensors: tuple[torch.Tensor, ...]) -> bool:
    """Whether each tensor is numbers in memory: not what a transform or an export traces with."""
    if torch.compiler.is_compiling():
        return not torch.compiler.is_exporting()
    if torch._C._functorch.peek_interpreter_stack() is not None:  # noqa: SLF001 - it has no public name
        return False
    return all(type(tensor) in (torch.Tensor, torch.nn.Parameter) for tensor in tensors)


def _checked(name: str) -> str:
    if name not in get_args(Choice):
        raise ConfigError(
            f"{VARIABLE} or use_engine must name an engine.",
            received=repr(name),
            cure=f"Choose one of {', '.join(get_args(Choice))}.",
        )
    return name


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _loops_work(choice: str) -> bool:
    """Whether numba is there; known when a graph is traced."""
    return _numba_loads(choice)


@cache
def _numba_loads(choice: str) -> bool:
    """Whether numba can be imported; a version that does not go with this NumPy is as good as none, but says so."""
    try:
        import numba  # noqa: F401
    except ImportError as error:
        absent = isinstance(error, ModuleNotFoundError) and error.name == "numba"
        if choice == "numba":
            raise MissingDependencyError(
                "The engine 'numba' needs the package 'numba'.",
                received=str(error),
                cure="Run: pip install 'sinkd-plugin[fast]', or choose the engine 'auto' or 'torch'.",
            ) from error
        if not absent:
            warnings.warn(f"numba does not load, PyTorch computes instead: {error}", RuntimeWarning, stacklevel=2)
        return False
    return True


@cache
def _triton_loads() -> bool:
    try:
        import triton  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(
            "The engine 'triton' needs the package 'triton'.",
            received=str(error),
            cure="It comes with PyTorch's builds for CUDA; or choose the engine 'auto' or 'torch'.",
        ) from error
    return True
