"""Read one member out of a tar archive in memory; no path of an archive ever becomes a path on the disk."""

from __future__ import annotations

import io
import tarfile
import zlib

from sinkd_plugin.errors import ChecksumError


def read_member(archive: bytes, name: str, limit: int) -> bytes:
    """The content of the regular file called exactly ``name`` in a gzipped tar archive.

    Args:
        archive: The archive.
        name: Full name of the member.
        limit: Largest size that is read, in bytes.

    Raises:
        ChecksumError: If the archive is damaged, has no such file, or the file is larger than ``limit``.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
            return _read(tar, name, limit)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise _unfit(name, str(error)) from error


def _read(tar: tarfile.TarFile, name: str, limit: int) -> bytes:
    member = next((member for member in tar if member.name == name), None)
    stream = tar.extractfile(member) if member is not None and member.isreg() else None
    if member is None or stream is None:
        raise _unfit(name, "no such file in it")
    if member.size > limit:
        raise _unfit(name, f"{member.size} bytes where at most {limit} are expected")
    return stream.read(limit)


def _unfit(name: str, reason: str) -> ChecksumError:
    return ChecksumError(
        f"The archive must be whole and hold the file '{name}'.", received=reason, cure="Fetch the archive again."
    )
