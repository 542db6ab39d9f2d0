"""What the teacher writes, sampled once and kept in the run folder."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from datasets import Dataset
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from sinkd_plugin.console import note
from sinkd_plugin.sequence.samples import Samples
from sinkd_plugin.specs import Decoding, Writer
from sinkd_plugin.storage import new_folder
from sinkd_plugin.training.fingerprint import fingerprint
from sinkd_plugin.training.prepare import Prepared
from sinkd_plugin.training.processes import on_first
from sinkd_plugin.training.run_folder import SAMPLES_FOLDER
from sinkd_plugin.training.stage import Stage, finished, write_record
from sinkd_plugin.training.writing import write_split

_FILE = "samples.safetensors"


def kept_samples(
    folder: Path,
    prepared: Prepared,
    stage: Stage,
    teacher: PreTrainedModel,
    writer: Writer,
    examples: Dataset,
    decoding: Decoding,
    *,
    split: str,
    seed: int,
) -> Samples:
    """The teacher's sequences for a split, written now or taken from an earlier run or student.

    Args:
        folder: The run folder; they lie in ``teacher_samples`` there, by their fingerprint.
        prepared: What the run starts from.
        stage: The finished teacher.
        teacher: Its model.
        writer: Its reader.
        examples: The encoded split.
        decoding: How it writes.
        split: Name of the split.
        seed: Of the sampling.
    """
    expected = fingerprint(
        teacher=stage.fingerprint,
        data=prepared.data_fingerprint,
        split=split,
        decoding=asdict(decoding),
        seed=seed,
        precision=prepared.precision,
        device=prepared.device.type,
    )
    target = folder / SAMPLES_FOLDER / expected[:12]
    if finished(target, expected):
        note(f"Teacher's sequences for '{split}': taken from {target}")
        found = load_file(target / _FILE)
        return Samples(tokens=found["tokens"], starts=found["starts"], per_example=decoding.per_example)
    what = f"Teacher's sequences for '{split}'"
    written = write_split(teacher, writer, examples, decoding, seed=seed, what=what, precision=prepared.precision)
    samples = Samples.of(written)

    def keep() -> None:
        with new_folder(target, overwrite=True) as staging:
            save_file({"tokens": samples.tokens, "starts": samples.starts}, staging / _FILE)
            write_record(staging, {"fingerprint": expected, "split": split, "decoding": asdict(decoding), "seed": seed})

    on_first(keep)
    return samples
