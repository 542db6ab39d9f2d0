"""Export a model: check, convert, verify in the staging folder, describe, and only then give it its name."""

from __future__ import annotations

import shutil
from pathlib import Path

from sinkd_export.card import card
from sinkd_export.environment import versions
from sinkd_export.report import REPORT_NAME, SCHEMA_VERSION, ExportReport, file_records
from sinkd_export.sentences import Sentences
from sinkd_export.source import Source, load_model, weights_digest
from sinkd_export.specs import ExportTargetSpec
from sinkd_export.torch_runner import TorchClassifier
from sinkd_export.verify import verify
from sinkd_plugin.errors import UserError
from sinkd_plugin.storage import new_folder, write_json


def export_model(
    source: Source, into: Path, *, target: ExportTargetSpec, sentences: Sentences, overwrite: bool = False
) -> ExportReport:
    """Export a model to a folder that appears complete and verified, or not at all.

    Args:
        source: The model, from ``sinkd_export.source.find_source`` for the same target.
        into: The folder to make.
        target: What to export it to.
        sentences: Real sentences to verify it on.
        overwrite: Replace an export that is there.

    Raises:
        UserError: If the folder exists and ``overwrite`` is off, or is not to be replaced at all.
        VerificationError: If the export does not compute what PyTorch computes.
        StorageError: If the disk is full or not writable.
    """
    _check_overwrite(source, into, overwrite)
    with new_folder(into, overwrite=overwrite) as staging:
        expected = TorchClassifier(load_model(source.folder))
        target.export(source.folder, staging)
        _add_companions(source, staging)
        parity = verify(staging, source, expected, target, sentences)
        (staging / "README.md").write_text(card(source, parity, sentences.source, target.opset), encoding="utf-8")
        report = ExportReport(
            schema_version=SCHEMA_VERSION,
            target=target.name,
            opset=target.opset,
            source=source.reference,
            source_weights=weights_digest(source.folder),
            labels=source.labels,
            max_length=source.max_length,
            sentences=sentences.source,
            sentence_count=len(sentences.texts),
            parity=parity,
            versions=versions(),
            files=file_records(staging),
        )
        write_json(staging / REPORT_NAME, report.to_dict())
    return report


def _check_overwrite(source: Source, into: Path, overwrite: bool) -> None:
    """Never replace a folder that is no export, the model's own least of all, whatever ``--force`` says."""
    if into.resolve() == source.folder.resolve() or source.folder.resolve().is_relative_to(into.resolve()):
        raise UserError(
            "An export must not replace the model it comes from.", received=f"'{into}'", cure="Choose another."
        )
    occupied = into.exists() and (not into.is_dir() or any(into.iterdir()))
    if overwrite and occupied and not (into / REPORT_NAME).is_file():
        raise UserError(
            "--force replaces earlier exports only.",
            received=f"'{into}', which holds no {REPORT_NAME}",
            cure="Choose another folder, or remove this one yourself.",
        )


def _add_companions(source: Source, staging: Path) -> None:
    """Configuration, tokenizer, and what the trainer knows of the task."""
    source.config.save_pretrained(staging)
    source.tokenizer.save_pretrained(staging)
    record = source.folder / "sinkd.json"
    if record.is_file():
        shutil.copyfile(record, staging / record.name)
