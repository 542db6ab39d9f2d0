"""What lies beside the graphs of an export: configuration, tokenizer, and what the trainer knows of the task."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from sinkd_export.prompt import PROMPT_NAME
from sinkd_export.source import Source
from sinkd_plugin.storage import read_json, write_json


def add_companions(source: Source, folder: Path) -> None:
    """Write them.

    Args:
        source: The model.
        folder: The folder of the export.
    """
    source.config.save_pretrained(folder)
    if source.labels:
        _name_labels(source.labels, folder / "config.json")
    source.tokenizer.save_pretrained(folder)
    if source.asked is not None:
        question = {"template": source.asked.prompt.template, "text": list(source.asked.text)}
        write_json(folder / PROMPT_NAME, question)
    record = source.folder / "sinkd.json"
    if record.is_file():
        shutil.copyfile(record, folder / record.name)


def _name_labels(labels: Sequence[str], path: Path) -> None:
    """Transformers leaves the names out where they are its own ``LABEL_0``, ``LABEL_1``; others need to be told."""
    names = {"id2label": dict(enumerate(labels)), "label2id": {label: number for number, label in enumerate(labels)}}
    write_json(path, {**read_json(path), **names})
