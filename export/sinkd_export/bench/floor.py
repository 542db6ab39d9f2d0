"""The floor under a latency: the time that the machine needs for the matrix products alone, at its best."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from sinkd_export.bench.flops import Work
from sinkd_export.bench.records import Peak
from sinkd_export.session import open_session

ROWS, WIDTH = 512, 1024
"""A product that fills the caches without leaving them: larger and smaller ones were slower."""

TRIES = 20
OPSET = 18


def floor_ms(work: Work, form: str, peak: Peak) -> float:
    """Least time of a call in milliseconds.

    In int8, products with weights run at the int8 peak and attention at that of float32; a CPU computes float16 in
    float32.
    """
    of_weights = peak.int8_gops if form == "int8" else peak.float32_gflops
    return (work.weights / of_weights + work.attention / peak.float32_gflops) / 1e6


def measure_peak(threads: int) -> Peak:
    """The best rates of a few large products: float32 in torch and in onnxruntime, int8 in onnxruntime.

    With one thread they are those in processor time, so that other programs do not make the machine look slower.
    """
    import torch

    clock = time.process_time if threads == 1 else time.perf_counter
    left, right = torch.rand(ROWS, WIDTH), torch.rand(WIDTH, WIDTH)
    with TemporaryDirectory(prefix="sinkd-") as folder:
        in_onnx = _onnx_product(Path(folder) / "float32.onnx", np.float32, threads)
        in_int8 = _onnx_product(Path(folder) / "int8.onnx", np.uint8, threads)
    return Peak(
        float32_gflops=round(max(_rate(lambda: torch.mm(left, right), clock), _rate(in_onnx, clock)), 1),
        int8_gops=round(_rate(in_int8, clock), 1),
    )


def best_of(one: Peak, other: Peak) -> Peak:
    """The better of two measurements: a disturbed one shows less than the machine can do."""
    return Peak(
        float32_gflops=max(one.float32_gflops, other.float32_gflops), int8_gops=max(one.int8_gops, other.int8_gops)
    )


def _rate(product: Callable[[], object], clock: Callable[[], float]) -> float:
    """Billions of operations a second, of the fastest of several."""
    best = float("inf")
    for _ in range(TRIES):
        start = clock()
        product()
        best = min(best, max(clock() - start, 1e-9))
    return 2 * ROWS * WIDTH * WIDTH / best / 1e9


def _onnx_product(path: Path, kind: type[np.float32] | type[np.uint8], threads: int) -> Callable[[], object]:
    """A product with constant weights, as a model's are, so that they are packed beforehand."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    integer = kind is np.uint8
    given, result = (TensorProto.UINT8, TensorProto.INT32) if integer else (TensorProto.FLOAT, TensorProto.FLOAT)
    weights: NDArray[np.generic] = np.ones((WIDTH, WIDTH), np.int8) if integer else np.ones((WIDTH, WIDTH), np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger" if integer else "MatMul", ["x", "w"], ["y"])],
        "product",
        [helper.make_tensor_value_info("x", given, [ROWS, WIDTH])],
        [helper.make_tensor_value_info("y", result, [ROWS, WIDTH])],
        [numpy_helper.from_array(weights, "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8), path)
    session = open_session(path, threads=threads)
    feed: Mapping[str, NDArray[np.generic]] = {"x": np.ones((ROWS, WIDTH), kind)}
    return partial(session.run, None, feed)
