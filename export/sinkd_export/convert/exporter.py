"""A Transformers folder to float32 graphs through optimum; the one place that touches its exporter."""

from __future__ import annotations

from pathlib import Path

import onnx

from sinkd_export.convert.external import with_weights_aside
from sinkd_export.convert.first_token import keep_first_token
from sinkd_export.convert.parts import CLASSIFIER, MODEL, Parts
from sinkd_export.quiet import quiet_export
from sinkd_plugin.errors import MissingDependencyError, UserError


def convert_to_onnx(model_folder: Path, into: Path, parts: Parts, *, opset: int) -> None:
    """Write float32 graphs with dynamic batch and length axes, tied weights written out once for each use.

    A classifier's last layer is computed for the token alone that its labels are read from.

    Args:
        model_folder: A local Transformers folder; nothing is fetched.
        into: The folder to write into.
        parts: The graphs to make.
        opset: Version of the operator set.

    Raises:
        MissingDependencyError: If optimum's exporter is not installed.
        UserError: If the model needs operators that the opset does not have.
        OSError: If the folder cannot be written.
    """
    try:
        from optimum.exporters.onnx import main_export
    except ImportError as error:
        raise MissingDependencyError(
            "Exporting needs optimum-onnx.", received=str(error), cure='Run: pip install "sinkd-plugin[export]"'
        ) from error
    from torch.onnx.errors import UnsupportedOperatorError

    try:
        with quiet_export():
            main_export(
                str(model_folder),
                into,
                task=parts.task,
                opset=opset,
                device="cpu",
                dtype="fp32",
                framework="pt",
                library_name="transformers",
                local_files_only=True,
                do_validation=False,  # its check prints a red line and passes; ours decides
                no_post_process=True,  # tied weights are joined later, since int8 needs them apart
            )
    except UnsupportedOperatorError as error:
        raise UserError(
            "The opset must have every operator of the model.",
            received=f"opset {opset}: {str(error).splitlines()[0]}",
            cure="Choose a newer --opset.",
        ) from error
    if parts is CLASSIFIER:
        path = into / f"{MODEL}.onnx"
        graph = onnx.load(path, load_external_data=False)
        onnx.save(with_weights_aside(graph, keep_first_token), path)
