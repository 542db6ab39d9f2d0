"""A classifier folder to ``model.onnx`` through optimum; the one place that touches its exporter."""

from __future__ import annotations

from pathlib import Path

from sinkd_export.quiet import quiet_export
from sinkd_plugin.errors import MissingDependencyError

TASK = "text-classification"
"""Stated, because optimum cannot infer the task of a local folder."""


def export_onnx(model_folder: Path, into: Path, *, opset: int) -> None:
    """Write ``model.onnx`` in float32, with dynamic batch and length axes.

    Args:
        model_folder: A local Transformers folder of a sequence classifier; nothing is fetched.
        into: The folder to write into.
        opset: Version of the operator set.

    Raises:
        MissingDependencyError: If optimum's exporter is not installed.
        OSError: If the folder cannot be written.
    """
    try:
        from optimum.exporters.onnx import main_export
    except ImportError as error:
        raise MissingDependencyError(
            "Exporting needs optimum-onnx.", received=str(error), cure='Run: pip install "sinkd-plugin[export]"'
        ) from error
    with quiet_export():
        main_export(
            str(model_folder),
            into,
            task=TASK,
            opset=opset,
            device="cpu",
            dtype="fp32",
            framework="pt",
            library_name="transformers",
            local_files_only=True,
            do_validation=False,  # its check prints a red line and passes; ours decides
        )
