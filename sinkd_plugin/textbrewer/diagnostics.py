"""What the terms of a loss do to the student, as numbers for the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from sinkd_plugin.ot.result import TransportResult
from sinkd_plugin.textbrewer.term import Term


def weights(terms: Sequence[Term]) -> dict[str, float]:
    """``weight_…`` of each term."""
    return {f"weight_{_short(term)}": float(term.weight) for term in terms}


def gradient_shares(terms: Sequence[Term], logits: Sequence[torch.Tensor]) -> dict[str, float]:
    """``gradient_share_…`` of each term: its weighted gradient's norm at the student's logits, over the sum of norms.

    It goes back to the logits only, not through the model. A term that does not depend on these very logits, such as
    one between hidden states, has no entry.

    Args:
        terms: The addends of the loss, not yet backpropagated.
        logits: The student's, as its adaptor returned them.
    """
    reached = [head for head in logits if head.requires_grad]
    if not reached:
        return {}
    norms = {_short(term): norm for term in terms if (norm := _norm(term, reached)) is not None}
    total = sum(norms.values())
    return {f"gradient_share_{name}": norm / total for name, norm in norms.items()} if total > 0 else {}


def _norm(term: Term, logits: Sequence[torch.Tensor]) -> float | None:
    """Euclidean norm of the weighted gradient; ``None`` where none of the logits is reached."""
    if not term.value.requires_grad:
        return None
    gradients: Any  # None where a head is not reached
    gradients = torch.autograd.grad(term.weighted, logits, retain_graph=True, allow_unused=True)
    found = [gradient.float().pow(2).sum() for gradient in gradients if gradient is not None]
    return float(torch.stack(found).sum().sqrt()) if found else None


def transport_figures(results: Sequence[tuple[TransportResult, float]]) -> Mapping[str, float]:
    """How the plans went: marginal residual, and mean and maximum of the cost in units of λ; the worst of all heads.

    Args:
        results: Of each head, with its λ.
    """
    rows = [
        (float(result.marginal_residual), float(result.cost_mean) / strength, float(result.cost_max) / strength)
        for result, strength in results
    ]
    names = ("transport_marginal_residual", "transport_cost_mean_over_lambda", "transport_cost_max_over_lambda")
    return {name: max(values) for name, values in zip(names, zip(*rows, strict=True), strict=False)}


def _short(term: Term) -> str:
    return term.name.removeprefix("unweighted_")
