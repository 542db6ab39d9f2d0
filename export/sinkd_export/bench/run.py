"""A timing run from references to a report."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from sinkd_export.bench.contestants import Contestant, load_contestants
from sinkd_export.bench.entries import Entry, entries_of, with_graphs
from sinkd_export.bench.floor import best_of, floor_ms, measure_peak
from sinkd_export.bench.inputs import DESCRIPTION, Inputs, inputs_for
from sinkd_export.bench.interleaved import Times, WarmUp, rounds_within, timed_rounds, warm_up
from sinkd_export.bench.material import GraphMaker
from sinkd_export.bench.options import BenchOptions, Shape
from sinkd_export.bench.placement import check_placement
from sinkd_export.bench.records import (
    SCHEMA_VERSION,
    Agreement,
    BenchReport,
    Load,
    Measurement,
    Peak,
    Traffic,
    Unavailable,
)
from sinkd_export.bench.statistics import measurement
from sinkd_export.bench.traffic import load_trial, measure_traffic
from sinkd_export.bench.trust import warnings_about
from sinkd_export.bench.work import work_of_entry
from sinkd_export.environment import commit, int8_instructions, load_average, machine, versions
from sinkd_export.families import family_of
from sinkd_export.model_folder import load_config
from sinkd_export.prove.parity import compare
from sinkd_plugin.console import progress
from sinkd_plugin.errors import UserError


def bench(references: Sequence[str], options: BenchOptions) -> BenchReport:
    """Time models against each other; the first is what the ratios are relative to.

    Where no provider that was asked for is there, nothing is timed, and the report says of each model why.

    Args:
        references: Model references, exported folders, or graphs of exported folders.
        options: Shapes, forms, threads and rounds.

    Raises:
        UserError: If a model cannot take a shape, or two models do not share their token ids.
        StorageError: If a provider leaves matrix products to another one.
        SinkdError: Whatever loading a model or the task raises.
    """
    average_before = load_average()
    with TemporaryDirectory(prefix="sinkd-") as folder, torch_threads(options.threads):
        entries, missing = entries_of(references, options)
        found = _timed(entries, options, GraphMaker(Path(folder))) if entries else NOTHING
    load = Load(average_before=average_before, average_after=load_average(), cpu_share=found.cpu_share)
    here = machine()
    contestants = found.contestants
    return BenchReport(
        schema_version=SCHEMA_VERSION,
        reference=contestants[0].name if contestants else missing[0].model,
        threads=options.threads,
        seconds=options.seconds,
        inputs=DESCRIPTION,
        new_tokens=options.new_tokens if contestants and contestants[0].entry.generates else None,
        models=tuple(contestant.record for contestant in contestants),
        measurements=found.measurements,
        traffic=found.traffic,
        agreements=found.agreements,
        unavailable=(*missing, *found.failed),
        peak=found.peak,
        load=load,
        warnings=warnings_about(load, here, options.threads, found.agreements, found.measurements, found.traffic),
        machine=here,
        int8_instructions=int8_instructions(here.instruction_sets),
        versions=versions(),
        commit=commit(),
    )


@dataclass(frozen=True, kw_only=True)
class _Found:
    """What a run finds; nothing, where nobody takes part."""

    contestants: tuple[Contestant, ...] = ()
    failed: tuple[Unavailable, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    traffic: Traffic | None = None
    peak: Peak | None = None
    cpu_share: float | None = None


NOTHING = _Found()


def _timed(wanted: Sequence[Entry], options: BenchOptions, maker: GraphMaker) -> _Found:
    trial = None if options.task is None else load_trial(wanted, options, options.task)
    inputs = {shape: _inputs(wanted, shape, options) for shape in options.shapes}
    entries, unmade = with_graphs(wanted, maker)  # only now, because it takes long
    _check_placements(entries, inputs[options.shapes[0]])
    contestants, unloaded = load_contestants(entries, options)
    failed = (*unmade, *unloaded)
    if not contestants:
        raise UserError("A model at least must run.", received="; ".join(each.reason for each in failed))
    agreements = tuple(found for shape in inputs for found in _agreements(contestants, shape, inputs[shape]))
    peak = measure_peak(options.threads)
    wall, cpu = time.perf_counter(), time.process_time()
    timings = [_time_shape(contestants, shape, inputs[shape], options) for shape in inputs]
    peak = best_of(peak, measure_peak(options.threads))
    traffic = None if trial is None else measure_traffic(contestants, options, trial, peak)
    cpu_share = round((time.process_time() - cpu) / (time.perf_counter() - wall), 3)
    measurements = tuple(
        found for timing in timings for found in _measurements(contestants, timing, inputs[timing.shape], peak, options)
    )
    return _Found(
        contestants=contestants,
        failed=failed,
        agreements=agreements,
        measurements=measurements,
        traffic=traffic,
        peak=peak,
        cpu_share=cpu_share,
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


def _inputs(entries: Sequence[Entry], shape: Shape, options: BenchOptions) -> Inputs:
    decoder = family_of(load_config(entries[0].model)) == "decoder" and entries[0].generates
    return inputs_for([entry.model for entry in entries], shape, options.new_tokens if decoder else 0)


def _check_placements(entries: Sequence[Entry], inputs: Inputs) -> None:
    for entry in entries:
        if entry.provider != "cpu" and entry.graph is not None and not entry.generates:
            check_placement(entry.graph, entry.provider, inputs)


@dataclass(frozen=True, kw_only=True)
class _Timing:
    """One shape: how warming up went, and the times of every contestant."""

    shape: Shape
    warmth: WarmUp
    times: Mapping[str, Times]


def _time_shape(contestants: Sequence[Contestant], shape: Shape, inputs: Inputs, options: BenchOptions) -> _Timing:
    calls = {contestant.name: contestant.engine.prepare(inputs) for contestant in contestants}
    seconds = options.seconds / len(options.shapes)
    warmth = warm_up(calls, seconds)
    rounds = options.rounds or rounds_within(warmth.last_seconds, seconds)
    reference = contestants[0].name
    with progress(f"Timing {shape}", total=rounds) as meter:
        times = timed_rounds(calls, rounds, lambda latest: meter.advance(reference_ms=latest[reference]))
    return _Timing(shape=shape, warmth=warmth, times=times)


def _measurements(
    contestants: Sequence[Contestant], timing: _Timing, inputs: Inputs, peak: Peak, options: BenchOptions
) -> Iterator[Measurement]:
    for contestant in contestants:
        entry = contestant.entry
        work = work_of_entry(entry, [inputs], options.new_tokens)
        yield measurement(
            contestant.name,
            timing.shape,
            timing.times[contestant.name],
            timing.times[contestants[0].name],
            threads=options.threads,
            floor_ms=None if work is None else floor_ms(work, entry.form, peak),
            warmup_rounds=timing.warmth.rounds,
            settled=timing.warmth.settled,
        )


def _agreements(contestants: Sequence[Contestant], shape: Shape, inputs: Inputs) -> Iterator[Agreement]:
    for index, contestant in enumerate(contestants):
        twins = [other for other in contestants[:index] if other.record.weights == contestant.record.weights]
        if twins:
            yield _agreement(twins[0], contestant, shape, inputs)


def _agreement(one: Contestant, other: Contestant, shape: Shape, inputs: Inputs) -> Agreement:
    expected, actual = one.engine.compute(inputs), other.engine.compute(inputs)
    if one.entry.generates:
        difference, agreement = None, float(np.mean(expected == actual))
    else:
        parity = compare(str(shape), expected, actual)
        difference, agreement = parity.max_difference, parity.argmax_agreement
    return Agreement(
        model=other.name, compared_with=one.name, shape=shape, max_difference=difference, argmax_agreement=agreement
    )
