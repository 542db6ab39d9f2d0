"""The sentences an export is verified on: the task's own where there is one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sinkd_export.model_folder import training_record
from sinkd_export.own_sentences import OWN_SENTENCES
from sinkd_export.trial import Text, Trial, evenly, texts_of, trial_of
from sinkd_plugin.errors import DataError, SinkdError, UserError
from sinkd_plugin.options import validate

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
        DataError: If the file has no text, is no UTF-8, holds both texts and pairs, or more than two texts in a line.
        UserError: If ``data_dir`` or ``samples`` is given and there is no task that it could be for.
        SinkdError: Whatever loading the named task raises, or the recorded one where an option is given for it.
    """
    named = None if task is None else _from_task(task, data_dir, samples)
    record = {} if texts is not None or named is not None else training_record(model_folder)
    if named is None and record.get("task") is None:
        _refuse_task_options(data_dir, samples)
    if texts is not None:
        trial = None if named is None else named.trial
        return Sentences(texts=_from_file(texts), source=f"the file {texts.name}", trial=trial)
    if named is not None:
        return named
    return _from_record(record, data_dir, samples)


def _refuse_task_options(data_dir: Path | None, samples: int | None) -> None:
    given = [name for name, value in {"--data-dir": data_dir, "--samples": samples}.items() if value is not None]
    if given:
        raise UserError(
            f"{' and '.join(given)} belong{'s' if len(given) == 1 else ''} to a task, and none is used.",
            received="no --task NAME, and --texts or a model without a record of its own",
            cure=f"Add --task NAME, or leave out {' and '.join(given)}.",
        )


def _from_record(record: Mapping[str, Any], data_dir: Path | None, samples: int | None) -> Sentences:
    task = record.get("task")
    if task is None:
        return Sentences(texts=OWN_SENTENCES, source=OWN_SOURCE)
    folder = data_dir or (Path(record["data_dir"]) if record.get("data_dir") else None)
    try:
        return _from_task(task, folder, samples)
    except SinkdError as error:  # a student travels further than its data; the report tells what was used instead
        if data_dir is not None or samples is not None:
            raise
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
    texts = {number: _text(path, number, line) for number, line in enumerate(lines, start=1) if line.strip()}
    if not texts:
        raise DataError("--texts must name a file with one text a line.", received=f"'{path}', which has none")
    _refuse_mixture(path, texts)
    return evenly(list(texts.values()), ENOUGH)


def _refuse_mixture(path: Path, texts: Mapping[int, Text]) -> None:
    """One batch holds texts or pairs, not both."""
    first, *_ = texts
    single = isinstance(texts[first], str)
    for number, text in texts.items():
        if isinstance(text, str) != single:
            words = ("a pair", "a single text") if single else ("a single text", "a pair")
            raise DataError(
                "--texts must hold single texts alone, or alone pairs with a tab between them.",
                received=f"{words[0]} in line {number} of '{path}', {words[1]} in line {first}",
                cure="Split the file in two, or correct the line.",
            )


def _text(path: Path, number: int, line: str) -> Text:
    first, *others = line.split("\t")
    if len(others) > 1:
        raise DataError(
            "--texts must hold at most two texts in a line, with one tab between them.",
            received=f"{len(others)} tabs in line {number} of '{path}'",
            cure="Correct the line.",
        )
    return (first, others[0]) if others else line
