"""The export target ``acme_float16``: the student as it is, in half of the space."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sinkd_export.specs import ExportTargetSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from transformers import PretrainedConfig, PreTrainedModel


def supports(config: PretrainedConfig) -> bool:
    return any(name.endswith("ForSequenceClassification") for name in config.architectures or ())


def export(model_folder: Path, into: Path) -> None:
    _model(model_folder).half().save_pretrained(into)


def load(folder: Path) -> Float16Runner:
    return Float16Runner(_model(folder))


class Float16Runner:
    """Computes in float32 what is stored in float16."""

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model.eval()

    def __call__(self, inputs: Mapping[str, NDArray[np.int64]]) -> NDArray[np.float32]:
        import torch

        with torch.no_grad():
            logits = self._model(**{name: torch.from_numpy(array) for name, array in inputs.items()}).logits
        array: NDArray[np.float32] = logits.numpy()
        return array


def _model(folder: Path) -> PreTrainedModel:
    import torch
    from transformers import AutoModelForSequenceClassification

    return AutoModelForSequenceClassification.from_pretrained(str(folder), dtype=torch.float32)


SPEC = ExportTargetSpec(
    name="acme_float16",
    summary="The Transformers folder with its weights in float16.",
    supports=supports,
    export=export,
    load=load,
    tolerance=1e-2,
)
