"""Import TextBrewer, checked: its version is frozen and it is no longer developed, so we name what we rely on."""

from __future__ import annotations

import importlib
from types import ModuleType

from sinkd_plugin.errors import MissingDependencyError
from sinkd_plugin.textbrewer.import_hook import HOST

_RELIED_ON = ("KD_LOSS_MAP", "MATCH_LOSS_MAP", "Distillers", "DistillationConfig", "TrainingConfig", "GeneralDistiller")


def textbrewer() -> ModuleType:
    """The TextBrewer module, imported without its warnings and with our losses registered.

    Raises:
        MissingDependencyError: If TextBrewer or the tensorboard it needs is absent, or lacks a name we rely on.
    """
    try:
        module = importlib.import_module(HOST)
    except ImportError as error:
        raise MissingDependencyError(
            "TextBrewer and the tensorboard it needs must be importable.",
            received=str(error),
            cure="Run: pip install textbrewer==0.2.1.post1 tensorboard",
        ) from error
    missing = [name for name in _RELIED_ON if not hasattr(module, name)]
    if missing:
        raise MissingDependencyError(
            "TextBrewer must offer what version 0.2.1.post1 offers.",
            received=f"version {getattr(module, '__version__', 'unknown')} without {', '.join(missing)}",
            cure="Run: pip install textbrewer==0.2.1.post1",
        )
    return module
