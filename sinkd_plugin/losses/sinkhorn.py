"""The Sinkhorn distance as a module."""

from __future__ import annotations

import torch
from torch import nn

from sinkd_plugin.options import validate
from sinkd_plugin.ot.checks import check_matrix
from sinkd_plugin.ot.options import TransportOptions
from sinkd_plugin.ot.result import TransportResult
from sinkd_plugin.ot.transport import sinkhorn_distance


class SinkhornLoss(nn.Module):
    """Batch-wise Sinkhorn distance between the predictions of a student and a teacher.

    With ``s`` and ``t`` the ``(n, classes)`` softmax of student and teacher logits at the temperature::

        D_ij = ||s_i - t_j||_p        cost
        K    = exp(-D / λ)            kernel
        P    = K after T sweeps, each scaling rows and then columns to mass 1/n
        loss = Σ_ij P_ij D_ij

    The loss does not change when the student's rows are permuted: it compares the batches, and only a term beside it
    (KL, cross-entropy) says which prediction belongs to which example. Nor is it 0 for equal predictions, unless
    ``debiased``: the entropy spreads the plan.

    Args:
        temperature: τ, positive.
        regularization: λ, at least 1e-3, in units of the cost (D is at most 2 for ``p=1``).
        iterations: T, sweeps; part of the definition of the loss.
        p: Order of the norm: 1, 2 or infinity (``math.inf`` or ``"inf"``).
        reduction: ``"mean"`` for a plan of mass 1, ``"sum"`` for mass n (the paper's Eq. 16).
        cost: ``"batch"`` (Eq. 13), ``"flattened"`` (Eq. 20) or ``"sample"`` (Eqs. 8-12, each row apart, then
            reduced over rows).
        rows: The side that is normalised first, ``"student"`` or ``"teacher"``.
        debiased: Subtract half of each side's distance to itself.
        tolerance: Sweep until at most this share of the mass lies at the wrong point, at most ``iterations`` times.
        value: ``"transport"`` for <P, D>, ``"entropic"`` for <P, D> - λ h(P) with ``h(P) = -Σ P log P``.
        plan_gradient: ``"unrolled"`` (exact), ``"detached"`` or ``"implicit"`` (exact at convergence; what
            ``acceleration`` takes for unrolled).
        pairing_penalty: γ, added to D off the diagonal when the plan is found, so that rows keep to their own teacher;
            for ``cost="batch"``.
        on_nonfinite: ``"raise"``, or ``"skip"`` rows with NaN or +inf on either side; ``transport`` counts them.
        pairing: For ``cost="sample"``, whether mass and position of a class come from one vector (``"consistent"``), or
            from both, as the paper prints it (``"literal"``). Like ``"flattened"`` it is blind to which class is which:
            a student whose classes are the teacher's in another order is as near as the teacher itself (the literal
            pairing sees the order unless it exchanges pairs).
        acceleration: ``"newton"`` finds the limit of the sweeps, up to ``tolerance``, in at most ``iterations`` of its
            steps.

    Raises:
        ConfigError: If an argument is out of its range.
        LossInputError: On call, if the logits are no two equally shaped matrices on one device, or a row holds NaN,
            +inf, or nothing but -inf.

    Numerics:
        Computed in the wider type of both logits and at least float32, under any autocast; the plan in float64 or in
        logarithms where λ asks for it, which ``transport(...).solver`` tells. Value and gradient are finite for every
        finite logit and every option allowed. The gradient is that of the sweeps, exactly, and is computed together
        with the value. No rows give 0, one row gives ``||s - t||_p``, one class gives 0. Differentiable once and
        backwards: a second or a forward-mode derivative is refused. The same input gives the same bits for the same
        number of threads. ``torch.compile`` and ``torch.export`` work for given shapes; in their graph no value can be
        looked at, so that a row that is not usable makes the loss NaN; a ``tolerance`` breaks a compiled graph in two,
        and an export refuses it. ``torch.func.grad``, ``jacrev`` and ``vmap`` work, though ``sinkhorn_distance`` takes
        groups ``(..., n, classes)`` itself.

    Reference:
        SinKD, arXiv 2402.17110, Eqs. 13-18.

    Example:
        >>> student = torch.tensor([[2.0, 0.0], [0.0, 2.0]], requires_grad=True)
        >>> teacher = torch.tensor([[3.0, 0.0], [0.0, 3.0]])
        >>> loss = SinkhornLoss()(student, teacher)
        >>> round(loss.item(), 4)
        0.1731
        >>> loss.backward()
    """

    def __init__(
        self,
        temperature: float = 2.0,
        regularization: float = 0.1,
        iterations: int = 20,
        p: float | str = 1,
        reduction: str = "mean",
        cost: str = "batch",
        rows: str = "student",
        debiased: bool = False,
        tolerance: float | None = None,
        value: str = "transport",
        plan_gradient: str = "unrolled",
        pairing_penalty: float = 0.0,
        on_nonfinite: str = "raise",
        pairing: str = "consistent",
        acceleration: str = "none",
    ) -> None:
        super().__init__()
        given = {
            "temperature": temperature,
            "regularization": regularization,
            "iterations": iterations,
            "p": p,
            "reduction": reduction,
            "cost": cost,
            "rows": rows,
            "debiased": debiased,
            "tolerance": tolerance,
            "value": value,
            "plan_gradient": plan_gradient,
            "pairing_penalty": pairing_penalty,
            "on_nonfinite": on_nonfinite,
            "pairing": pairing,
            "acceleration": acceleration,
        }
        self.options = validate(TransportOptions, given)

    def forward(
        self,
        student_logits: torch.Tensor,
        teacher_logits: torch.Tensor,
        student_weights: torch.Tensor | None = None,
        teacher_weights: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The distance, 0-dim.

        Args:
            student_logits: ``(n, classes)``.
            teacher_logits: ``(n, classes)``; never receives a gradient.
            student_weights: ``(n,)``, how much each of the student's rows counts (Eq. 15); all alike by default.
            teacher_weights: ``(n,)``, the same for the teacher; the student's by default.
        """
        return self.transport(student_logits, teacher_logits, student_weights, teacher_weights).value

    def transport(
        self,
        student_logits: torch.Tensor,
        teacher_logits: torch.Tensor,
        student_weights: torch.Tensor | None = None,
        teacher_weights: torch.Tensor | None = None,
    ) -> TransportResult:
        """The distance with its plan and diagnostics.

        Args:
            student_logits: ``(n, classes)``.
            teacher_logits: ``(n, classes)``; never receives a gradient.
            student_weights: ``(n,)``, how much each of the student's rows counts (Eq. 15); all alike by default.
            teacher_weights: ``(n,)``, the same for the teacher; the student's by default.
        """
        check_matrix(student_logits)
        return sinkhorn_distance(
            student_logits,
            teacher_logits,
            self.options,
            student_weights=student_weights,
            teacher_weights=teacher_weights,
        )

    def extra_repr(self) -> str:
        """The options, as ``print(module)`` shows them."""
        return ", ".join(f"{name}={value!r}" for name, value in self.options)
