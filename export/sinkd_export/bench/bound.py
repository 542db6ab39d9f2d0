"""onnxruntime with its inputs and outputs on the device already, as a pipeline on a GPU would have them."""

from __future__ import annotations

from collections.abc import Callable

import onnxruntime

from sinkd_export.bench.inputs import Inputs

DEVICES = {"cpu": "cpu", "cuda": "cuda", "tensorrt": "cuda"}
"""Where the memory of each provider lies."""


def bound_call(session: onnxruntime.InferenceSession, inputs: Inputs, provider: str) -> Callable[[], object]:
    """A call that copies nothing and returns when the device is done.

    Args:
        session: A classifier's session.
        inputs: What to compute; those it does not have are left out.
        provider: The session's provider, in small letters.
    """
    binding = inputs_bound(session, inputs, DEVICES[provider])
    binding.bind_output("logits", DEVICES[provider])

    def call() -> object:
        session.run_with_iobinding(binding)
        binding.synchronize_outputs()
        return binding

    return call


def inputs_bound(session: onnxruntime.InferenceSession, inputs: Inputs, device: str) -> onnxruntime.IOBinding:
    """A binding with the inputs in a device's memory, and no output yet; what the graph does not have is left out."""
    binding = session.io_binding()
    for node in session.get_inputs():
        binding.bind_ortvalue_input(node.name, onnxruntime.OrtValue.ortvalue_from_numpy(inputs[node.name], device, 0))
    return binding
