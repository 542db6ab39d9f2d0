"""The losses, one file each; importing this package imports torch only once a loss is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sinkd_plugin.losses.hidden_states import hidden_sinkhorn
    from sinkd_plugin.losses.jensen_shannon import js
    from sinkd_plugin.losses.kullback_leibler import kl
    from sinkd_plugin.losses.reverse_kullback_leibler import reverse_kl
    from sinkd_plugin.losses.sinkhorn import SinkhornLoss
    from sinkd_plugin.losses.total_variation import tvd

__all__ = ["SinkhornLoss", "hidden_sinkhorn", "js", "kl", "reverse_kl", "tvd"]

# No file is named like its function: importing the file would put the module where the function belongs.
_HOMES = {
    "SinkhornLoss": "sinkhorn",
    "hidden_sinkhorn": "hidden_states",
    "js": "jensen_shannon",
    "kl": "kullback_leibler",
    "reverse_kl": "reverse_kullback_leibler",
    "tvd": "total_variation",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
