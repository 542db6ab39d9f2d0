"""The sentences an export is verified on: the task's own where there is one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sinkd_export.own_sentences import OWN_SENTENCES
from sinkd_export.trial import Text, Trial, evenly, texts_of, trial_of
from sinkd_plugin.errors import DataError, SinkdError
from sinkd_plugin.options import validate
from sinkd_plugin.storage import read_json

ENOUGH = 200
"""Most sentences to compare logits on: spread over the whole split or file, a few seconds' work for any task."""

OWN_SOURCE = "sentences shipped with sinkd"


@dataclass(frozen=True, kw_only=True)
class Sentences:
    """Texts, or pairs of texts, where they come from, and the task's labelled examples if it is known."""

    texts: tuple[Text, ...]
    source: str
    trial: Trial | None = None


def choose_sentences(
    model_folder: Path,
    *,
    task: str | None = None,
    data_dir: Path | None = None,
    texts: Path | None = None,
    samples: int | None = None,
) -> Sentences:
    """The user's file, or the named task's test split, or that of the task in ``sinkd.json``, or our own sentences.

    A task also brings its validation split, to score the model on.

    Args:
        model_folder: The model's folder; the trainer leaves a ``sinkd.json`` there.
        task: Name of a task.
        data_dir: Folder with the task's files.
        texts: A file with one text a line, or two texts with a tab between them; beside it only a named task is loaded.
        samples: Score the model on at most this many examples of the validation split.

    Raises:
        DataError: If the file has no text, or is no UTF-8.
        SinkdError: Whatever loading the named task raises.
    """
    named = None if task is None else _from_task(task, data_dir, samples)
    if texts is not None:
        trial = None if named is None else named.trial
        return Sentences(texts=_from_file(texts), source=f"the file {texts.name}", trial=trial)
    if named is not None:
        return named
    recorded = model_folder / "sinkd.json"
    record = read_json(recorded) if recorded.is_file() else {}
    return _from_record(record if isinstance(record, Mapping) else {}, data_dir, samples)


def _from_record(record: Mapping[str, Any], data_dir: Path | None, samples: int | None) -> Sentences:
    task = record.get("task")
    if task is None:
        return Sentences(texts=OWN_SENTENCES, source=OWN_SOURCE)
    folder = data_dir or (Path(record["data_dir"]) if record.get("data_dir") else None)
    try:
        return _from_task(task, folder, samples)
    except SinkdError as error:  # a student travels further than its data; the report tells what was used instead
        source = f"{OWN_SOURCE} (the model's own task could not be loaded: {error})"
        return Sentences(texts=OWN_SENTENCES, source=source)


def _from_task(task: str | Mapping[str, Any], data_dir: Path | None, samples: int | None) -> Sentences:
    from sinkd_plugin.tasks.load import load_task
    from sinkd_plugin.tasks.options import DataOptions, FilesTask

    named = task if isinstance(task, str) else validate(FilesTask, task, "task")
    limits = validate(DataOptions, {"max_test_samples": ENOUGH, "max_validation_samples": samples}, "data")
    loaded = load_task(named, data_dir=data_dir, data=limits, seed=0)
    return Sentences(
        texts=texts_of(loaded, "test"), source=f"the test split of {loaded.spec.name}", trial=trial_of(loaded)
    )


def _from_file(path: Path) -> tuple[Text, ...]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError("--texts must name a readable UTF-8 file.", received=f"'{path}': {error}") from error
    texts = [_text(line) for line in lines if line.strip()]
    if not texts:
        raise DataError("--texts must name a file with one text a line.", received=f"'{path}', which has none")
    return evenly(texts, ENOUGH)


def _text(line: str) -> Text:
    first, tab, second = line.partition("\t")
    return (first, second) if tab else line
