"""What a run was made with: versions and machine."""

from __future__ import annotations

import os
import platform
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

_PACKAGES = ("sinkd-plugin", "torch", "transformers", "textbrewer", "datasets", "numpy", "scikit-learn")


@lru_cache(maxsize=1)
def environment() -> dict[str, Any]:
    """Versions of what computes, and the machine it computes on."""
    return {
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}},
        "machine": {
            "platform": platform.platform(),
            "processor": _cpu().get("cpu_name") or platform.processor(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        },
    }


def _cpu() -> dict[str, Any]:
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # newer versions of torch have it
    return capabilities


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
