"""The hook that the exporter adds to the core's."""

from __future__ import annotations

from collections.abc import Sequence

from sinkd_export.specs import ExportTargetSpec
from sinkd_plugin.hookspecs import hookspec


@hookspec
def sinkd_export_targets() -> Sequence[ExportTargetSpec]:  # type: ignore[empty-body]
    """Forms that ``sinkd export --target`` can name."""
