"""Where to compute, and in which precision."""

from __future__ import annotations

import os
from typing import Literal

import torch
from transformers import set_seed

from sinkd_plugin.errors import ConfigError
from sinkd_plugin.textbrewer.distiller import Precision

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def resolve_device(name: str) -> torch.device:
    """The device called ``name``; ``auto`` is a GPU if there is one.

    Raises:
        ConfigError: If there is no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        if device.type == "cuda":
            # each process that torchrun has started on this machine takes a GPU of its own
            local = int(os.environ.get("LOCAL_RANK", "0"))
            number: int | None = device.index
            device = torch.device("cuda", local if number is None else number)
            torch.cuda.set_device(device)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(
            "'training.device' must be a device of this machine.",
            received=f"'{name}' ({str(error).splitlines()[0]})",
            cure="Use auto or cpu.",
        ) from error
    return device


def resolve_precision(name: Literal["auto", "fp32", "bf16", "fp16"], device: torch.device) -> Precision:
    """The precision of the models; ``auto`` is bf16 where the device computes it natively (emulated it is slower)."""
    if name != "auto":
        return name
    return "bf16" if _native_bf16(device) else "fp32"


def _native_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def seed_everything(seed: int) -> None:
    """Set the seeds of Python, NumPy and torch."""
    set_seed(seed)


def seed_this_process(seed: int, rank: int) -> None:
    """Let each process draw dropout of its own; the first one goes on with what it has."""
    if rank:
        set_seed((seed + rank * _APART) % 2**32)


_APART = 0x9E3779B1
"""A stride over seeds, so that neither two processes nor two runs with neighbouring seeds draw the same."""
