"""What is kept of a training that stops at NaN: enough to look at the step again, and nothing that is pickled."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from sinkd_plugin.storage import new_folder, write_json
from sinkd_plugin.textbrewer.batches import tensors


def save_state(folder: Path, student: torch.nn.Module, optimizer: Any, batch: Any, facts: Mapping[str, Any]) -> Path:
    """Write ``student.safetensors``, ``optimizer.safetensors``, ``batch.safetensors`` and ``state.json``.

    Args:
        folder: The folder to appear; one that is there is replaced.
        student: Its weights as they were before the step.
        optimizer: Its moments and settings.
        batch: The batch that broke it.
        facts: What ``state.json`` says beside that.

    Returns:
        ``folder``.

    Raises:
        StorageError: If it cannot be written.
    """
    from safetensors.torch import save_file  # heavy where nothing ever breaks

    core = getattr(student, "module", student)
    settings, moments = _split(optimizer)
    parts = {"student": core.state_dict(), "optimizer": moments, "batch": tensors(batch)}
    with new_folder(folder, overwrite=True) as staging:
        for name, content in parts.items():
            save_file({key: _apart(tensor) for key, tensor in content.items()}, staging / f"{name}.safetensors")
        write_json(staging / "state.json", _plain({**facts, "optimizer": settings}))
    return folder


def _apart(tensor: torch.Tensor) -> torch.Tensor:
    """A copy: safetensors refuses tied weights, which share their memory."""
    return tensor.detach().cpu().clone().contiguous()


def _split(optimizer: Any) -> tuple[Any, dict[str, torch.Tensor]]:
    """An optimiser's settings, and its tensors by ``parameter.name``."""
    state = optimizer.state_dict()
    moments = {f"{number}.{name}": value for number, entry in state["state"].items() for name, value in entry.items()}
    return state["param_groups"], {name: value for name, value in moments.items() if isinstance(value, torch.Tensor)}


def _plain(value: Any) -> Any:
    """As JSON has it: what it cannot say, such as NaN or an object, in words."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    try:
        json.dumps(value)
    except TypeError:
        return str(value)
    return value
