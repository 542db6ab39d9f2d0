"""Score any model of a known architecture on a task's test split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sinkd_plugin.architectures.loading import load_config
from sinkd_plugin.architectures.specs import family_of
from sinkd_plugin.errors import ConfigError
from sinkd_plugin.options import Options, validate
from sinkd_plugin.references import resolve_model
from sinkd_plugin.storage import read_json
from sinkd_plugin.tasks.load import load_task
from sinkd_plugin.tasks.options import DataOptions, FilesTask, PromptOptions
from sinkd_plugin.training.compatibility import check_kind
from sinkd_plugin.training.device import resolve_device
from sinkd_plugin.training.model_options import ReadoutOptions
from sinkd_plugin.training.question import prompt_for, question_of
from sinkd_plugin.training.sequence_options import DecodingOptions
from sinkd_plugin.training.stage import RECORD, encoded_tests, evaluated

_ASKED = ("prompt", "readout", "decoding")
"""What a model's folder may say of how it was asked."""


class EvaluationOptions(Options):
    """What to score a model on; what is left out is taken from the ``sinkd.json`` beside the model.

    Args:
        task: Name of a task, or the user's own files.
        data_dir: Folder that holds the task's files.
        data: Length limit and subset.
        device: Where to compute.
        architecture: ``auto``, or the name of a family.
        prompt: How a generative model is asked.
        readout: How its answers are scored.
        decoding: How it writes texts.
    """

    task: str | FilesTask
    data_dir: Path | None = None
    data: DataOptions = DataOptions()
    device: str = "auto"
    architecture: str = "auto"
    prompt: str | PromptOptions | None = None
    readout: ReadoutOptions = ReadoutOptions()
    decoding: DecodingOptions = DecodingOptions()


def evaluation_options(
    reference: str,
    *,
    task: str | None = None,
    data_dir: Path | None = None,
    max_length: int | None = None,
    device: str = "auto",
    prompt: str | None = None,
) -> EvaluationOptions:
    """Options from the command line, completed by what the model's folder says of its making.

    Raises:
        ConfigError: If neither names a task.
    """
    record = _record(reference)
    named = task or record.get("task")
    if named is None:
        raise ConfigError("A task must be named.", received=f"'{reference}' without sinkd.json", cure="Pass --task.")
    length = max_length if max_length is not None or task else record.get("max_length")
    found = {"max_length": length, "max_target_length": None if task else record.get("max_target_length")}
    lengths = {name: value for name, value in found.items() if value is not None}
    same_task = task is None or task == record.get("task")
    asked: dict[str, Any] = {name: record[name] for name in _ASKED if name in record and same_task}
    given: dict[str, Any] = {
        **asked,
        "task": named,
        "data_dir": data_dir or (record.get("data_dir") if task is None else None),
        "data": lengths,
        "device": device,
        "architecture": record.get("architecture", "auto"),
        **({"prompt": prompt} if prompt else {}),
    }
    return validate(EvaluationOptions, given)


def evaluate(reference: str, options: EvaluationOptions) -> dict[str, Any]:
    """Score a model on the whole test split.

    Args:
        reference: A model reference.
        options: What to score it on.

    Returns:
        ``model``, ``task``, ``metric``, ``test`` (each metric), ``interval``, ``n``, ``parameters``, and perhaps
        ``further``, the same of each further test split.
    """
    device = resolve_device(options.device)
    folder = resolve_model(reference)
    family = family_of(load_config(folder), options.architecture)
    architecture = family.build()
    loaded = load_task(options.task, data_dir=options.data_dir, data=options.data, seed=0)
    check_kind(loaded.spec, family)
    prompt = prompt_for(family, loaded.spec, options.prompt)
    model, tokenizer = architecture.load(folder, loaded.spec.labels, needs_head=True)
    question = question_of(loaded.spec, prompt, options.data, options.readout)
    reader = architecture.reader(model.config, tokenizer, question)
    found = evaluated(
        loaded.spec.kind,
        model.to(device),
        reader,
        encoded_tests(loaded, reader),
        what=reference,
        beams=options.decoding.beams,
    )
    about = {"model": reference, "task": loaded.spec.name, "metric": loaded.spec.metric}
    return {**about, **found["scores"], "parameters": found["parameters"]}


def _record(reference: str) -> dict[str, Any]:
    path = Path(resolve_model(reference)) / RECORD
    record = read_json(path) if path.is_file() else {}
    return record if isinstance(record, dict) else {}
