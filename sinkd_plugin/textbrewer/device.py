"""The device of TextBrewer's ``TrainingConfig``, which is CUDA unless told otherwise."""

from __future__ import annotations

import copy
import logging
from typing import Any

import torch

logger = logging.getLogger("Distillation")


def usable(train_config: Any) -> Any:
    """The configuration, or a copy for the CPU where it asks for a CUDA that is not there; a note says so."""
    if torch.device(train_config.device).type != "cuda" or torch.cuda.is_available():
        return train_config
    logger.warning("No CUDA device is there for TrainingConfig.device '%s': using the CPU.", train_config.device)
    own = copy.copy(train_config)
    own.device = "cpu"
    return own
