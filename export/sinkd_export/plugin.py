"""The exporter as a plugin of the core: its hook, its targets and its commands."""

from __future__ import annotations

from collections.abc import Sequence

import click
import pluggy

from sinkd_export.specs import ExportTargetSpec
from sinkd_plugin.hookspecs import hookimpl
from sinkd_plugin.specs import CommandSpec


@hookimpl
def sinkd_add_hookspecs(pm: pluggy.PluginManager) -> None:
    """Add ``sinkd_export_targets``."""
    from sinkd_export import hookspecs

    pm.add_hookspecs(hookspecs)


@hookimpl
def sinkd_export_targets() -> Sequence[ExportTargetSpec]:
    """ONNX."""
    from sinkd_export.targets import target_specs

    return target_specs()


@hookimpl
def sinkd_commands() -> Sequence[CommandSpec]:
    """``sinkd export``, ``sinkd bench`` and ``sinkd serve``."""
    return (
        CommandSpec(
            name="export",
            summary="Convert a student to ONNX, proven equal to PyTorch before it gets its name.",
            load=_load_export,
        ),
        CommandSpec(
            name="bench",
            summary="Time models against each other, PyTorch and onnxruntime interleaved.",
            load=_load_bench,
        ),
        CommandSpec(
            name="serve",
            summary="Answer over HTTP with an exported student, requests batched as they come.",
            load=_load_serve,
        ),
    )


def _load_export() -> click.Command:
    from sinkd_export.export_command import command

    return command


def _load_bench() -> click.Command:
    from sinkd_export.bench_command import command

    return command


def _load_serve() -> click.Command:
    from sinkd_export.serve_command import command

    return command
