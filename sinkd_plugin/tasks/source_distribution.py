"""Fetch the source distribution of a package with pip, from whichever index the user's pip uses."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from sinkd_plugin.errors import DownloadError, MissingDependencyError, StorageError

TIMEOUT_S = 600


def fetch_source_distribution(package: str, version: str, cure: str) -> bytes:
    """Download a source distribution; nothing of it is installed.

    Args:
        package: Name of the package.
        version: Its exact version.
        cure: What to do where there is no network, for messages.

    Raises:
        MissingDependencyError: If this Python has no pip.
        DownloadError: If pip cannot fetch it.
        StorageError: If the disk is full.
    """
    with tempfile.TemporaryDirectory(prefix="sinkd-") as folder:
        _pip_download(f"{package}=={version}", package, folder, cure)
        archives = sorted(Path(folder).glob("*.tar.gz"))
        if len(archives) != 1:
            raise DownloadError(
                f"pip must bring one source archive of {package}=={version}.", received=f"{len(archives)}", cure=cure
            )
        return archives[0].read_bytes()


def _pip_download(requirement: str, package: str, folder: str, cure: str) -> None:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", package, requirement, "-d", folder]
    options = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off", "--retries", "2"]
    try:
        done = subprocess.run(  # noqa: S603 (no part of the command comes from outside)
            [*command, *options], capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise DownloadError(f"pip must fetch {requirement} within {TIMEOUT_S} s.", cure=cure) from error
    if done.returncode:
        raise _failure(requirement, done.stderr, cure)


def _failure(requirement: str, stderr: str, cure: str) -> Exception:
    if "No module named pip" in stderr:
        return MissingDependencyError(
            f"pip must be installed in this Python to fetch {requirement}.",
            received=sys.executable,
            cure=f"Run: {sys.executable} -m ensurepip. Or: {cure}",
        )
    if "No space left on device" in stderr:
        return StorageError(
            f"The disk is full: {requirement} could not be fetched into '{tempfile.gettempdir()}'.",
            cure="Free some room and run again, or set TMPDIR to another folder.",
        )
    return DownloadError(f"pip must be able to fetch {requirement}.", received=_reason(stderr), cure=cure)


def _reason(stderr: str) -> str:
    """The lines of pip's report that say what went wrong."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith("ERROR:") or "connection" in line.lower()]
    return " | ".join((telling or lines)[-3:]) or "no message"
