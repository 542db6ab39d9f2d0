"""PyTorch as a runner: what every export is compared with, and timed against."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel


class TorchClassifier:
    """A Transformers classifier: int64 ``(batch, length)`` inputs by name to float32 logits ``(batch, labels)``.

    Args:
        model: The model, or what ``torch.compile`` made of it.
        like: The model that was compiled; it tells inputs and device.
    """

    def __init__(self, model: Any, like: PreTrainedModel | None = None) -> None:
        described = model if like is None else like
        self._model = model
        self._device = described.device
        self.input_names = tuple(inspect.signature(described.forward).parameters)

    def __call__(self, inputs: Mapping[str, NDArray[np.int64]], /) -> NDArray[np.float32]:
        """Compute the logits; inputs that the model does not have are left out."""
        import torch

        feed = self._feed(inputs)
        with torch.inference_mode():
            logits: NDArray[np.float32] = self._model(**feed).logits.cpu().numpy()
        return logits

    def on_device(self, inputs: Mapping[str, NDArray[np.int64]]) -> Callable[[], object]:
        """A call on inputs that lie on the device already, and that returns when the device is done."""
        import torch

        feed = self._feed(inputs)

        def call() -> object:
            with torch.inference_mode():
                logits = self._model(**feed).logits
            if self._device.type == "cuda":
                torch.cuda.synchronize()
            return logits

        return call

    def _feed(self, inputs: Mapping[str, NDArray[np.int64]]) -> dict[str, Tensor]:
        import torch

        return {
            name: torch.from_numpy(values).to(self._device)
            for name, values in inputs.items()
            if name in self.input_names
        }
