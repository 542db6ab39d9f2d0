"""The one place that touches TextBrewer: registration, configuration, distiller.

Importing this package imports neither TextBrewer nor torch; its names do.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sinkd_plugin.textbrewer.configuration import DistillationConfig
    from sinkd_plugin.textbrewer.distiller import BasicDistiller, GeneralDistiller, SinkhornDistiller
    from sinkd_plugin.textbrewer.many_teachers import MultiTaskDistiller, MultiTeacherDistiller
    from sinkd_plugin.textbrewer.trainer import BasicTrainer

__all__ = [
    "BasicDistiller",
    "BasicTrainer",
    "DistillationConfig",
    "GeneralDistiller",
    "MultiTaskDistiller",
    "MultiTeacherDistiller",
    "SinkhornDistiller",
]

_HOMES = {
    **dict.fromkeys(__all__, "sinkd_plugin.textbrewer.distiller"),
    "BasicTrainer": "sinkd_plugin.textbrewer.trainer",
    "DistillationConfig": "sinkd_plugin.textbrewer.configuration",
    "MultiTaskDistiller": "sinkd_plugin.textbrewer.many_teachers",
    "MultiTeacherDistiller": "sinkd_plugin.textbrewer.many_teachers",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
