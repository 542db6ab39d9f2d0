"""``torch.compile``, where there is a compiler for what it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sinkd_plugin.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def compiled(model: PreTrainedModel) -> Any:
    """The model behind ``torch.compile``, tried once, so that what is missing shows here.

    Raises:
        UserError: If it cannot be compiled on this machine.
    """
    import torch

    ids = torch.ones((2, 8), dtype=torch.int64)
    wrapped: Any = torch.compile(model)
    try:
        with torch.inference_mode():
            wrapped(input_ids=ids.to(model.device), attention_mask=torch.ones_like(ids).to(model.device))
    except Exception as error:  # dynamo, inductor and the compiler each raise their own
        raise UserError(
            "torch.compile needs a working C++ compiler.",
            received=_first_line(error),
            cure="Install g++, or set CXX to a compiler.",
        ) from error
    return wrapped


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"
