"""The one error for everything that is wrong with an export."""

from __future__ import annotations

from collections.abc import Sequence

from sinkd_plugin.errors import VerificationError


def failed(problems: Sequence[str]) -> VerificationError:
    """An error that names every problem."""
    return VerificationError(
        "An export must compute what PyTorch computes.",
        received="; ".join(problems),
        cure="Nothing was written; check the versions of torch, optimum-onnx and onnxruntime.",
    )
