"""The largest logits of each row as they are, and the exact mass of all others together.

At the temperature τ that the rest was summed at, the softmax of a restored row has the probabilities of its k largest
entries as the whole row had them, and as much left for the others as they had together. How the others share it is not
kept: each gets the same part. With ``r = log Σ_rest exp(z/τ)`` each of the ``columns - k`` others has the logit
``τ (r - log(columns - k))``.
"""

from __future__ import annotations

import math

import torch


def largest(logits: torch.Tensor, k: int, temperature: float) -> dict[str, torch.Tensor]:
    """What is kept of rows.

    Args:
        logits: ``(rows, columns)``, more columns than ``k``.
        k: How many entries of a row are kept.
        temperature: τ.

    Returns:
        ``values (rows, k)`` and ``places (rows, k)`` of the largest, ``rest (rows,)``: the logit of each of the others.
    """
    wide = logits.float()
    values, places = wide.topk(k, dim=-1)
    others = wide.scatter(-1, places, -math.inf)
    total = torch.logsumexp(others / temperature, dim=-1)
    return {
        "values": values,
        "places": places.int(),
        "rest": temperature * (total - math.log(logits.shape[-1] - k)),
    }


def restored(values: torch.Tensor, places: torch.Tensor, rest: torch.Tensor, columns: int) -> torch.Tensor:
    """Rows of logits ``(rows, columns)`` from what ``largest`` returned."""
    return rest.unsqueeze(-1).expand(-1, columns).scatter(-1, places.long(), values)
