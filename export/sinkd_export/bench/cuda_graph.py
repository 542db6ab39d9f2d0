"""onnxruntime's CUDA graphs: the kernels of a shape are recorded once, and replayed without launching each of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from sinkd_export.bench.bound import DEVICES, inputs_bound
from sinkd_export.bench.inputs import Inputs
from sinkd_export.session import open_session
from sinkd_plugin.errors import SinkdError, UserError

TRIAL = (1, 8)
"""Rows and tokens of the batch that shows at once whether a graph can be recorded."""


class Replayed:
    """A classifier whose batches are recorded when they are prepared; inputs and logits stay where they were then.

    Args:
        graph: Its ``.onnx`` file.
        threads: Threads inside an operator.
        provider: ``cuda``; on ``cpu`` the same calls are made, and nothing is recorded.

    Raises:
        UserError: If onnxruntime cannot record it, as when a node stays on the processor.
    """

    def __init__(self, graph: Path, *, threads: int, provider: str = "cuda") -> None:
        options = {"enable_cuda_graph": "1"} if provider == "cuda" else {}
        self._device = DEVICES[provider]
        self._numbers = itertools.count(1)
        try:
            self._session = open_session(graph, threads=threads, provider=provider, provider_options=options)
            self.compute({node.name: np.ones(TRIAL, np.int64) for node in self._session.get_inputs()})
        except Exception as error:  # onnxruntime's exceptions share no base class of their own
            received = error.received if isinstance(error, SinkdError) else str(error).splitlines()[0]
            raise UserError(
                "A CUDA graph must have every node on the GPU, and nothing that waits for the processor.",
                received=received,
                cure="Leave out the form cudagraph.",
            ) from error

    def compute(self, inputs: Inputs) -> NDArray[np.float32]:
        """The logits ``(batch, labels)``, as a replay gives them."""
        logits, call = self._recorded(inputs)
        call()
        found: NDArray[np.float32] = logits.numpy()
        return found

    def prepare(self, inputs: Inputs) -> Callable[[], object]:
        """The call that is timed: a replay, waited for."""
        return self._recorded(inputs)[1]

    def _recorded(self, inputs: Inputs) -> tuple[onnxruntime.OrtValue, Callable[[], object]]:
        """Where the logits will lie, and the call, made once already: the first call records."""
        rows, labels = len(inputs["input_ids"]), self._session.get_outputs()[0].shape[-1]
        logits = onnxruntime.OrtValue.ortvalue_from_shape_and_type([rows, labels], np.float32, self._device, 0)
        binding = inputs_bound(self._session, inputs, self._device)
        binding.bind_ortvalue_output("logits", logits)
        run = onnxruntime.RunOptions()
        run.add_run_config_entry("gpu_graph_id", str(next(self._numbers)))  # one session records many shapes by number

        def call() -> object:
            self._session.run_with_iobinding(binding, run)
            binding.synchronize_outputs()
            return binding

        call()
        return logits, call
