"""Batch-wise Sinkhorn distillation for TextBrewer and Transformers.

``import sinkd_plugin`` is all a TextBrewer script needs: the names ``sinkd``, ``sinkhorn``, ``kl``, … are then known to
``DistillationConfig(kd_loss_type=…)``, whether TextBrewer is imported before or after. Importing this package imports
neither torch nor transformers; its public names do when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sinkd_plugin.textbrewer.import_hook import register_when_imported
from sinkd_plugin.version import __version__

if TYPE_CHECKING:
    from sinkd_plugin.losses.sinkhorn import SinkhornLoss
    from sinkd_plugin.ot.engine import use_engine
    from sinkd_plugin.textbrewer.configuration import DistillationConfig
    from sinkd_plugin.textbrewer.distiller import SinkhornDistiller

__all__ = ["DistillationConfig", "SinkhornDistiller", "SinkhornLoss", "__version__", "use_engine"]

_HOMES = {
    "DistillationConfig": "sinkd_plugin.textbrewer.configuration",
    "SinkhornDistiller": "sinkd_plugin.textbrewer.distiller",
    "SinkhornLoss": "sinkd_plugin.losses.sinkhorn",
    "use_engine": "sinkd_plugin.ot.engine",
}

register_when_imported()


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
