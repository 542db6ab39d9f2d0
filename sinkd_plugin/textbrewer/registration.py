"""Put our names into TextBrewer's tables."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from sinkd_plugin.catalog import catalog
from sinkd_plugin.errors import SinkdError
from sinkd_plugin.specs import LossSpec
from sinkd_plugin.textbrewer.features import DECODER_FEATURES

_TABLES = {"kd_loss": "KD_LOSS_MAP", "match_loss": "MATCH_LOSS_MAP"}


def register() -> None:
    """Add every loss of the catalog, at its default options, to the tables that all TextBrewer distillers share.

    Beside them stand the features of an encoder-decoder's second stack, which TextBrewer has no names for.
    A name that TextBrewer has already keeps TextBrewer's function. A loss claimed by two plugins is left out, so
    that naming it fails instead of meaning one of them by chance.
    """
    host = sys.modules["textbrewer"]
    for name in catalog().losses.names():
        try:
            spec = catalog().losses.get(name)
        except SinkdError:
            continue
        getattr(host, _TABLES[spec.slot]).setdefault(name, _OnFirstUse(spec))
    host.FEATURES.extend(feature for feature in DECODER_FEATURES if feature not in host.FEATURES)
    import_module("sinkd_plugin.textbrewer.distiller")  # enters itself into TextBrewer's table of distillers


class _OnFirstUse:
    """A loss that is built when it is first computed, so that one broken plugin does not stop TextBrewer's import."""

    def __init__(self, spec: LossSpec) -> None:
        self._spec = spec
        self._loss: Callable[..., Any] | None = None

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        if self._loss is None:
            self._loss = self._spec.build(self._spec.options())
        return self._loss(*arguments, **keywords)

    def __repr__(self) -> str:
        return f"<sinkd loss '{self._spec.name}'>"
