"""Where an export is to lie: looked at before anything is loaded, and again before it is written."""

from __future__ import annotations

import tempfile
from pathlib import Path

from sinkd_plugin.errors import UserError
from sinkd_plugin.storage import is_occupied, refuse_occupied, storage_errors

REPORT_NAME = "export.json"
"""What tells an export from any other folder."""


def check_destination(into: Path, *, overwrite: bool) -> None:
    """Accept a folder to export to; nothing is made there.

    Args:
        into: The folder.
        overwrite: Replace an export that is there.

    Raises:
        UserError: If it is occupied, and ``overwrite`` is off or it holds no export.
        StorageError: If it may not be written.
    """
    with storage_errors(into):
        if not overwrite:
            refuse_occupied(into)
        elif is_occupied(into) and not (into / REPORT_NAME).is_file():
            raise UserError(
                "--force replaces earlier exports only.",
                received=f"'{into}', which holds no {REPORT_NAME}",
                cure="Choose another folder, or remove this one yourself.",
            )
        with tempfile.TemporaryFile(dir=_nearest(into.absolute().parent)):
            pass  # only a file that was made tells for sure that one may be


def _nearest(folder: Path) -> Path:
    """The folder itself, or the nearest above it that exists."""
    return next(each for each in (folder, *folder.parents) if each.exists())
