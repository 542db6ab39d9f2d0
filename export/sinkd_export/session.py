"""onnxruntime sessions; the one place that opens them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from sinkd_plugin.errors import StorageError

FATAL_ONLY = 4
"""onnxruntime's log level at which its own lines stay off stderr; every failure arrives as an exception anyway."""


def available_threads() -> int:
    """Processors this process may use; onnxruntime's own default ignores the affinity set by a container."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Classifier:
    """A classifier graph: int64 ``(batch, length)`` inputs by name to float32 logits ``(batch, labels)``."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self.input_names: tuple[str, ...] = tuple(node.name for node in session.get_inputs())

    def __call__(self, inputs: Mapping[str, NDArray[np.int64]], /) -> NDArray[np.float32]:
        """Compute the logits; inputs that the graph does not have are left out."""
        feed = {name: inputs[name] for name in self.input_names}
        logits: NDArray[np.float32] = self._session.run(["logits"], feed)[0]
        return logits


def open_classifier(path: Path, *, threads: int | None = None) -> Classifier:
    """Open an ONNX classifier on the CPU.

    Args:
        path: The ``.onnx`` file.
        threads: Threads inside an operator; by default all that are available.

    Raises:
        StorageError: If the file is missing or no model that onnxruntime can run.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or available_threads()
    options.inter_op_num_threads = 1
    # threads that spin while they wait made a two-thread run on a busy machine more than twice as slow
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = FATAL_ONLY
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions share no base class of their own
        raise StorageError(
            f"'{path}' must be an ONNX model that onnxruntime can load.",
            received=str(error).splitlines()[0],
            cure="Export the model again.",
        ) from error
    return Classifier(session)
