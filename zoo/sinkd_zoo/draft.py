"""A student as it will be handed out: its files, README.md and card, before it has a place in a zoo."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sinkd_plugin.errors import UserError
from sinkd_plugin.specs import ZooCard
from sinkd_plugin.storage import read_json, sha256
from sinkd_plugin.zoo_files import files_in
from sinkd_zoo.card import card_from_json
from sinkd_zoo.contents import require_harmless
from sinkd_zoo.names import check_paths
from sinkd_zoo.provenance import details_of
from sinkd_zoo.readme import render
from sinkd_zoo.run_folder import RunFolder

RECORD = "sinkd.json"
"""What the trainer notes beside a model: task, data folder, length limit."""

README = "README.md"


def handed_out(student: Path) -> list[str]:
    """The student's files, without its README.md, and without a ``sinkd.json`` that names files of this machine.

    Raises:
        UserError: If one of them may not be handed out.
    """
    record = read_json(student / RECORD) if (student / RECORD).is_file() else {}
    local = not isinstance(record.get("task", ""), str) or record.get("data_dir")
    names = sorted(files_in(student) - {README} - ({RECORD} if local else set()))
    _check_files(student, names)
    return names


def write_draft(run: RunFolder, names: Sequence[str], folder: Path, name: str, license_: str | None) -> ZooCard:
    """Fill a folder with what a run's student is handed out as.

    Args:
        run: The run.
        names: The files of its student that ``handed_out`` names.
        folder: A folder that exists and is empty.
        name: Name of the student.
        license_: SPDX identifier of the weights, where the run does not tell it.

    Returns:
        Its card, of revision 1.

    Raises:
        UnsafeContentError: If loading it could run code.
        ConfigError: If the name breaks a rule.
    """
    for each in names:
        (folder / each).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(run.student / each, folder / each)
    require_harmless(folder, names, f"'{run.student}'")
    facts = _facts(run, name, license_)
    draft = card_from_json({**facts, **_measured(folder, names)}, where="card")
    (folder / README).write_text(render(draft, _saved_class(folder)), encoding="utf-8")
    return card_from_json({**facts, **_measured(folder, [*names, README])}, where="card")


def _check_files(student: Path, names: Sequence[str]) -> None:
    links = [name for name in names if (student / name).is_symlink()]
    try:
        check_paths(dict.fromkeys(names, ""))
    except ValueError as error:
        raise UserError(
            "A student must hold only files that are safe to hand out.",
            received=f"'{student}': {error}",
            cure="Remove the file from student/, or save the model again as safetensors.",
        ) from None
    if links:
        raise UserError(
            "A student must hold no links.", received=", ".join(links), cure="Put the files in their place."
        )


def _facts(run: RunFolder, name: str, license_: str | None) -> dict[str, Any]:
    result, student, origin = run.result, run.result.student, run.origin
    plain = f"Student of {student.parameters:,} parameters ({result.architecture}) for {result.task}."
    return {
        "name": name,
        "revision": "1",
        "summary": origin.summary or plain,
        "task": result.task,
        "architecture": result.architecture,
        "parameters": student.parameters,
        "license": license_ or origin.license or run.license,
        "metrics": dict(student.test),
        "n": student.n,
        "details": details_of(run),
    }


def _measured(folder: Path, names: Sequence[str]) -> Mapping[str, Any]:
    return {
        "files": {name: sha256(folder / name) for name in sorted(names)},
        "sizes": {name: (folder / name).stat().st_size for name in sorted(names)},
    }


def _saved_class(folder: Path) -> str:
    architectures = read_json(folder / "config.json").get("architectures") or [""]
    return str(architectures[0])
