"""Real traffic: a task's own texts, padded to the maximum as they come, or sorted by length; and scored on all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from sinkd_export.bench.contestants import Contestant
from sinkd_export.bench.entries import Entry
from sinkd_export.bench.floor import floor_ms
from sinkd_export.bench.inputs import Inputs
from sinkd_export.bench.interleaved import rounds_within, timed_rounds, warm_up
from sinkd_export.bench.options import BenchOptions
from sinkd_export.bench.own_texts import BATCH, Texts, check_length, encoded
from sinkd_export.bench.records import Compared, Pass, Peak, Score, Traffic
from sinkd_export.bench.statistics import compared, share_of_floor
from sinkd_export.bench.work import work_of_entry
from sinkd_export.model_folder import load_config
from sinkd_export.trial import Trial, texts_of
from sinkd_plugin.console import progress

SPLIT = "test"
Arrangement: TypeAlias = Literal["padded", "sorted"]


def load_trial(entries: Sequence[Entry], options: BenchOptions, task: str) -> Trial:
    """The examples of a task's test split, once it is clear that the models can be timed on them.

    Args:
        entries: The models.
        options: Where the task's files lie, and the length of its texts.
        task: Name of the task.

    Raises:
        ModelReferenceError: If a model's labels are not those of the task.
        UserError: If a model cannot take texts of that length.
        SinkdError: Whatever loading the task raises.
    """
    from sinkd_plugin.tasks.load import load_task
    from sinkd_plugin.tasks.options import DataOptions

    for folder in dict.fromkeys(entry.model for entry in entries):
        check_length(folder, options.max_length)
    loaded = load_task(task, data_dir=options.data_dir, data=DataOptions(), seed=0)
    trial = Trial(spec=loaded.spec, texts=texts_of(loaded, SPLIT), labels=tuple(loaded.labels(SPLIT)), calibration=())
    for entry in entries:
        config = load_config(entry.model)
        trial.check_labels(entry.name, [config.id2label[index] for index in sorted(config.id2label)])
    return trial


def measure_traffic(contestants: Sequence[Contestant], options: BenchOptions, trial: Trial, peak: Peak) -> Traffic:
    """Score and time classifiers on the test split of a task, each on what it makes of the texts itself.

    Args:
        contestants: The models; ratios are relative to the first of them, padded.
        options: Number of texts, length, time.
        trial: The examples, from ``load_trial``.
        peak: What the machine can do.
    """
    read = {
        folder: encoded(folder, trial.texts, options.max_length)
        for folder in dict.fromkeys(contestant.entry.model for contestant in contestants)
    }
    timed = range(0, len(trial.texts), max(1, -(-len(trial.texts) // options.samples)))
    scores = _scores(contestants, read, trial)
    passes, warmup_rounds = _passes(contestants, read, timed, options, peak)
    first = read[contestants[0].entry.model]
    return Traffic(
        task=trial.task,
        metric=trial.metric,
        scored=len(trial.texts),
        texts=len(timed),
        max_length=first.max_length,
        mean_length=round(float(np.mean([len(first.ids[position]) for position in timed])), 1),
        batch_size=BATCH,
        warmup_rounds=warmup_rounds,
        scores=scores,
        passes=passes,
    )


def _scores(contestants: Sequence[Contestant], read: Mapping[Path, Texts], trial: Trial) -> tuple[Score, ...]:
    everything = range(len(trial.texts))
    batches = {folder: texts.sorted(everything) for folder, texts in read.items()}
    values: list[float] = []
    with progress(f"Scoring on {len(everything)} texts of {trial.task}", total=len(contestants)) as meter:
        for contestant in contestants:
            found: dict[int, int] = {}
            for positions, inputs in batches[contestant.entry.model]:
                found.update(zip(positions, contestant.engine.compute(inputs).argmax(1).tolist(), strict=True))
            values.append(trial.score([found[position] for position in everything]))
            meter.advance(score=values[-1])
    return tuple(
        Score(
            model=contestant.name,
            value=value,
            lost=values[0] - value,
            max_length=read[contestant.entry.model].max_length,
        )
        for contestant, value in zip(contestants, values, strict=True)
    )


def _passes(
    contestants: Sequence[Contestant],
    read: Mapping[Path, Texts],
    timed: Sequence[int],
    options: BenchOptions,
    peak: Peak,
) -> tuple[tuple[Pass, ...], int]:
    batches = {folder: _arranged(texts, timed) for folder, texts in read.items()}
    calls = {
        f"{arrangement} {contestant.name}": _through(contestant, inputs)
        for contestant in contestants
        for arrangement, inputs in batches[contestant.entry.model].items()
    }
    settled = warm_up(calls, options.seconds)
    rounds = options.rounds or rounds_within(settled.last_seconds, options.seconds)
    with progress(f"Timing {len(timed)} texts", total=rounds) as meter:
        times = timed_rounds(calls, rounds, lambda _latest: meter.advance())
    reference = times[f"padded {contestants[0].name}"]
    passes = tuple(
        _pass(
            contestant.entry,
            arrangement,
            inputs,
            compared(times[f"{arrangement} {contestant.name}"], reference),
            texts=len(timed),
            threads=options.threads,
            peak=peak,
        )
        for contestant in contestants
        for arrangement, inputs in batches[contestant.entry.model].items()
    )
    return passes, settled.rounds


def _arranged(texts: Texts, timed: Sequence[int]) -> dict[Arrangement, list[Inputs]]:
    return {"padded": texts.padded(timed), "sorted": [inputs for _, inputs in texts.sorted(timed)]}


def _through(contestant: Contestant, batches: Sequence[Inputs]) -> Callable[[], object]:
    def all_of_them() -> None:
        for inputs in batches:
            contestant.engine.compute(inputs)

    return all_of_them


def _pass(
    entry: Entry,
    arrangement: Arrangement,
    batches: Sequence[Inputs],
    found: Compared,
    *,
    texts: int,
    threads: int,
    peak: Peak,
) -> Pass:
    work = work_of_entry(entry, batches, new_tokens=0)
    floor = None if work is None else floor_ms(work, entry.form, peak)
    return Pass(
        model=entry.name,
        arrangement=arrangement,
        tokens=sum(inputs["input_ids"].size for inputs in batches),
        texts_per_s=texts / found.latency_ms.p50 * 1e3,
        floor_ms=floor,
        share_of_floor=share_of_floor(floor, found, threads),
        **vars(found),
    )
