"""What the loss is compared with: each takes student and teacher logits and returns the value, 0-dim."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import torch

from sinkd_plugin import SinkhornLoss, use_engine
from sinkd_plugin.ot.engine import Choice

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

TEMPERATURE, REGULARIZATION, SWEEPS = 2.0, 0.1, 20


def probabilities(logits: torch.Tensor) -> torch.Tensor:
    """What the cost is computed from."""
    return (logits / TEMPERATURE).softmax(-1)


def batch_cost(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Eq. 13."""
    return torch.cdist(probabilities(student), probabilities(teacher), p=1.0)


def flattened_cost(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Eq. 20."""
    return (probabilities(student).reshape(-1, 1) - probabilities(teacher).reshape(1, -1)).abs()


def plain(cost: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> Loss:
    """The matrix iteration as the paper prints it, T sweeps differentiated by autograd: the unit of all ratios."""

    def loss(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        distances = cost(student, teacher)
        plan = torch.exp(-distances / REGULARIZATION)
        for _ in range(SWEEPS):
            plan = plan / plan.sum(1, keepdim=True)
            plan = plan / plan.sum(0, keepdim=True)
        return (plan * distances).sum() / len(plan)

    return loss


def pot(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """``ot.sinkhorn``, differentiated by autograd; it scales columns first, so it is given the transpose."""
    import ot

    cost = batch_cost(student, teacher).T
    even = torch.full((len(cost),), 1 / len(cost))
    plan = ot.sinkhorn(even, even, cost, REGULARIZATION, numItermax=SWEEPS, stopThr=0.0, warn=False)
    return (plan * cost).sum()


def pot_batch(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """``ot.batch.solve_batch`` of one problem; its sweeps start otherwise: its value differs in the fourth digit."""
    import ot.batch

    cost = batch_cost(student, teacher).T.unsqueeze(0)
    found = ot.batch.solve_batch(cost, reg=REGULARIZATION, max_iter=SWEEPS, tol=0.0, grad="autodiff")
    value: torch.Tensor = found.value_linear.sum()
    return value


def geomloss(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Another problem (its own schedule of λ, the dual value, the gradient of a given plan): only its time compares."""
    from geomloss import SamplesLoss

    def cost(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.cdist(x, y, p=1.0)

    loss = SamplesLoss("sinkhorn", p=1, blur=REGULARIZATION, debias=False, cost=cost, backend="tensorized")
    return loss(probabilities(student), probabilities(teacher))


def kl(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """``F.kl_div`` as it is usually called."""
    log_student = (student / TEMPERATURE).log_softmax(-1)
    return torch.nn.functional.kl_div(log_student, probabilities(teacher), reduction="batchmean")


def ours(cost: str, engine: Choice, *, compiled: bool = False) -> Loss:
    """The loss of this package, on one engine."""
    loss: Loss = torch.compile(SinkhornLoss(cost=cost), dynamic=False) if compiled else SinkhornLoss(cost=cost)

    def distance(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        with use_engine(engine):
            return loss(student, teacher)

    return distance


def methods(cost: str) -> dict[str, Loss]:
    """Everything that can compute a case here; ``sinkd`` takes the engine that it takes by itself."""
    found: dict[str, Loss] = {"sinkd": ours(cost, "auto"), "sinkd-torch": ours(cost, "torch"), "kl_div": kl}
    if cost == "batch":
        found["plain"] = plain(batch_cost)
        found |= {"pot": pot, "pot-batch": pot_batch} if find_spec("ot") else {}
        found |= {"geomloss": geomloss} if find_spec("geomloss") else {}
    if cost == "flattened":
        found["plain"] = plain(flattened_cost)
    return found
