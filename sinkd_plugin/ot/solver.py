"""Which form of the sweeps is safe, decided from numbers known beforehand, so that nothing waits for a device."""

from __future__ import annotations

import math
from typing import Literal

import torch

SolverName = Literal["scaling-float32", "scaling-float64", "scaling-float64-absorbed", "log", "newton"]

_FLOAT32_EXPONENT = 25.0
_FLOAT64_EXPONENT = 300.0


def choose_solver(
    spread: float, iterations: int, points: int, dtype: torch.dtype, device_type: str = "cpu"
) -> SolverName:
    """The fastest form of the sweeps that can neither overflow nor underflow.

    A sweep is monotone and commutes with constants, so it brings any two potentials closer in the maximum norm. Hence
    every logarithm of a scaling lies within ``spread + log(points)`` of 0 for any number of sweeps, the gradient needs
    its double, and the type must hold that: ``2 * (25 + log 1e5) < 88`` in float32, ``2 * (300 + log 1e5) < 709`` in
    float64. With an absorbed kernel the scalings start at order one and a half-sweep moves them by at most
    ``log(points)``, which bounds few sweeps whatever the spread is.

    Args:
        spread: Bound of ``(max D - min D) / λ``.
        iterations: T, sweeps at most.
        points: The larger number of points of both sides.
        dtype: Type of the cost.
        device_type: Where the cost lies; without float64 (mps) there are two choices only.
    """
    if dtype == torch.float32 and spread <= _FLOAT32_EXPONENT:
        return "scaling-float32"
    if device_type == "mps":
        return "log"
    if spread <= _FLOAT64_EXPONENT:
        return "scaling-float64"
    if 2 * iterations * math.log(max(points, 2)) <= _FLOAT64_EXPONENT:
        return "scaling-float64-absorbed"
    return "log"


def solver_dtype(solver: SolverName, dtype: torch.dtype, device_type: str = "cpu") -> torch.dtype:
    """The type a solver computes in."""
    if solver == "scaling-float32" or device_type == "mps":
        return dtype
    return torch.float64
