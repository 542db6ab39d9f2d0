"""onnxruntime's execution providers: which were asked for, which are there; the CPU never replaces one silently."""

from __future__ import annotations

from sinkd_plugin.errors import UserError

KNOWN = ("cpu", "cuda", "tensorrt")


def named_providers(text: str) -> tuple[str, ...]:
    """Read ``cpu,cuda``.

    Raises:
        UserError: If a name is unknown or given twice.
    """
    names = tuple(text.split(","))
    unknown = [name for name in names if name not in KNOWN]
    if unknown or len(set(names)) < len(names):
        raise UserError(f"--provider takes different ones of {', '.join(KNOWN)}.", received=f"'{text}'")
    return names


def available_providers() -> tuple[str, ...]:
    """Those of ``KNOWN`` that the installed onnxruntime has, and a device for them."""
    import onnxruntime
    import torch

    here = {name.removesuffix("ExecutionProvider").lower() for name in onnxruntime.get_available_providers()}
    return tuple(name for name in KNOWN if name in here and (name == "cpu" or torch.cuda.is_available()))


def check_required(text: str | None) -> None:
    """Check that every provider of ``cpu,cuda`` is there.

    Raises:
        UserError: If one is unknown or not there.
    """
    missing = [name for name in named_providers(text) if name not in available_providers()] if text is not None else []
    if missing:
        raise UserError(
            f"The provider '{missing[0]}' is required.",
            received=f"a machine with {', '.join(available_providers())}",
            cure="Install onnxruntime-gpu in place of onnxruntime, on a machine with a GPU, or leave out --require.",
        )
