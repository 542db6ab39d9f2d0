"""Every error the project raises on purpose: a rule, what was received, and a cure.

``exit_code`` is what the command line ends with: 2 where the user can mend the input, 1 where the world is at fault
(no network, a full disk, a damaged download).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SinkdError(Exception):
    """Root of all errors of this project.

    Args:
        rule: What must hold, as one sentence.
        received: What was found instead.
        cure: What the user can do about it, as one sentence.
    """

    exit_code = 1

    def __init__(self, rule: str, *, received: object = None, cure: str = "") -> None:
        self.rule = rule
        self.received = received
        self.cure = cure
        found = "" if received is None else f" Received: {received}."
        super().__init__(f"{rule}{found}{' ' + cure if cure else ''}")


class UserError(SinkdError):
    """The input can be mended by whoever gave it."""

    exit_code = 2


class ConfigError(UserError):
    """A configuration or an option does not hold to its rules."""


class UnknownNameError(UserError):
    """Nothing is registered under this name."""


class DataError(UserError):
    """A task's examples do not hold to its rules."""


class ModelReferenceError(UserError):
    """A model reference names no usable model."""


class LossInputError(UserError, ValueError):
    """Logits, masks or hidden states that a loss is not defined for."""


class MissingDependencyError(UserError, ImportError):
    """A package is needed that is not installed."""


class StoppedError(SinkdError):
    """A signal ended the run; ``exit_code`` is what shells expect of a program that one ended."""

    def __init__(self, rule: str, *, received: object = None, cure: str = "", number: int = 2) -> None:
        super().__init__(rule, received=received, cure=cure)
        self.exit_code = 128 + number


class WorldError(SinkdError):
    """The input is fine; the surroundings are not."""


class DownloadError(WorldError):
    """Something could not be fetched."""


class ChecksumError(WorldError):
    """A file is not the one that was published."""


class StorageError(WorldError):
    """A file or folder could not be written or read."""


class NonFiniteLossError(WorldError):
    """A loss became NaN or infinite during training."""


class AnotherStoppedError(WorldError):
    """This process stops because another one of the same run did."""


class VerificationError(WorldError):
    """An artefact does not compute what it should."""


class PluginError(WorldError):
    """A plugin is broken, or two plugins claim one name."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like ``name``, if any looks like it at all."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


def unknown_name(kind: str, name: str, known: Iterable[str], note: str = "") -> UnknownNameError:
    """The error for a name that no plugin provides; suggests the nearest one and lists what exists."""
    names = sorted(known)
    guess = nearest(name, names)
    suggestion = f"Did you mean '{guess}'? " if guess else ""
    listing = f"Known: {', '.join(names) or 'none'}."
    return UnknownNameError(f"No {kind} is called '{name}'.", cure=f"{suggestion}{listing}{' ' + note if note else ''}")
