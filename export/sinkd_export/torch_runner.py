"""PyTorch as a runner: what every export is compared with, and timed against."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class TorchClassifier:
    """A Transformers classifier: int64 ``(batch, length)`` inputs by name to float32 logits ``(batch, labels)``."""

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model
        self.input_names = tuple(inspect.signature(model.forward).parameters)

    def __call__(self, inputs: Mapping[str, NDArray[np.int64]], /) -> NDArray[np.float32]:
        """Compute the logits; inputs that the model does not have are left out."""
        import torch

        feed: dict[str, Any] = {
            name: torch.from_numpy(values) for name, values in inputs.items() if name in self.input_names
        }
        with torch.inference_mode():
            logits: NDArray[np.float32] = self._model(**feed).logits.numpy()
        return logits
