"""What lies beside the graphs of an export: configuration, tokenizer, and what the trainer knows of the task."""

from __future__ import annotations

import shutil
from pathlib import Path

from sinkd_export.prompt import PROMPT_NAME
from sinkd_export.source import Source
from sinkd_plugin.storage import write_json


def add_companions(source: Source, folder: Path) -> None:
    """Write them.

    Args:
        source: The model.
        folder: The folder of the export.
    """
    source.config.save_pretrained(folder)
    source.tokenizer.save_pretrained(folder)
    if source.asked is not None:
        question = {"template": source.asked.prompt.template, "text": list(source.asked.text)}
        write_json(folder / PROMPT_NAME, question)
    record = source.folder / "sinkd.json"
    if record.is_file():
        shutil.copyfile(record, folder / record.name)
