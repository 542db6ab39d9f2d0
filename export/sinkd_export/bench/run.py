"""A timing run from references to a report."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sinkd_export.bench.contestants import Contestant, load_contestants
from sinkd_export.bench.inputs import DESCRIPTION, inputs_for
from sinkd_export.bench.interleaved import WARMUP_ROUNDS, rounds_within, timed_rounds
from sinkd_export.bench.options import BenchOptions, Shape
from sinkd_export.bench.providers import available_providers
from sinkd_export.bench.records import SCHEMA_VERSION, Agreement, BenchReport, Load, Measurement, measurement
from sinkd_export.bench.trust import warnings_about
from sinkd_export.environment import load_average, machine, versions
from sinkd_export.prove.parity import compare
from sinkd_plugin.console import progress
from sinkd_plugin.errors import UserError

Inputs = dict[str, NDArray[np.int64]]


def bench(references: Sequence[str], options: BenchOptions) -> BenchReport:
    """Time models against each other; the first is what the ratios are relative to.

    Args:
        references: Model references, or exported folders (those with ``model.onnx``).
        options: Shapes, threads and rounds.

    Raises:
        UserError: If a model cannot take a shape, or two models do not share their token ids.
        SinkdError: Whatever loading a model raises.
    """
    average_before = load_average()
    present = [name for name in available_providers() if name in options.providers]
    missing = [name for name in options.providers if name not in present]
    if not present:
        raise UserError("One of the providers must be there.", received=", ".join(missing), cure="Add cpu.")
    with torch_threads(options.threads):
        contestants = load_contestants(references, options.threads, present)
        inputs = {shape: inputs_for(contestants, shape) for shape in options.shapes}
        agreements = tuple(found for shape in inputs for found in _agreements(contestants, shape, inputs[shape]))
        measurements, cpu_share = _measure(contestants, inputs, options)
    load = Load(average_before=average_before, average_after=load_average(), cpu_share=cpu_share)
    here = machine()
    return BenchReport(
        schema_version=SCHEMA_VERSION,
        reference=contestants[0].record.name,
        threads=options.threads,
        warmup_rounds=WARMUP_ROUNDS,
        seconds=options.seconds,
        inputs=DESCRIPTION,
        models=tuple(contestant.record for contestant in contestants),
        measurements=measurements,
        agreements=agreements,
        load=load,
        warnings=warnings_about(load, here, options.threads, agreements, measurements),
        unavailable_providers=tuple(missing),
        machine=here,
        versions=versions(),
    )


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Give torch this many threads, and its former number back afterwards."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _measure(
    contestants: Sequence[Contestant], inputs: dict[Shape, Inputs], options: BenchOptions
) -> tuple[tuple[Measurement, ...], float]:
    wall, cpu = time.perf_counter(), time.process_time()
    measurements = [found for shape in inputs for found in _measure_shape(contestants, shape, inputs[shape], options)]
    share = (time.process_time() - cpu) / (time.perf_counter() - wall)
    return tuple(measurements), round(share, 3)


def _measure_shape(
    contestants: Sequence[Contestant], shape: Shape, inputs: Inputs, options: BenchOptions
) -> list[Measurement]:
    calls = {contestant.record.name: partial(contestant.runner, inputs) for contestant in contestants}
    fitting = rounds_within(calls, options.seconds / len(options.shapes))
    rounds = options.rounds or fitting
    reference = contestants[0].record.name
    with progress(f"Timing {shape}", total=rounds) as meter:
        latencies = timed_rounds(calls, rounds, lambda latest: meter.advance(reference_ms=latest[reference]))
    return [measurement(name, shape, values, latencies[reference]) for name, values in latencies.items()]


def _agreements(contestants: Sequence[Contestant], shape: Shape, inputs: Inputs) -> Iterator[Agreement]:
    for index, contestant in enumerate(contestants):
        twins = [other for other in contestants[:index] if other.record.weights == contestant.record.weights]
        if twins:
            parity = compare(str(shape), twins[0].runner(inputs), contestant.runner(inputs))
            yield Agreement(
                model=contestant.record.name,
                compared_with=twins[0].record.name,
                shape=shape,
                max_difference=parity.max_difference,
                argmax_agreement=parity.argmax_agreement,
            )
