"""onnxruntime sessions; the one place that opens them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from sinkd_export.whole_numbers import at_least_one
from sinkd_plugin.errors import DataError, StorageError, UserError

FATAL_ONLY = 4
"""onnxruntime's log level at which its own lines stay off stderr; every failure arrives as an exception anyway."""

MOST_THREADS = 1024
"""As many take onnxruntime a quarter of a minute to start, and hardly a machine has more processors."""


def available_threads() -> int:
    """Processors this process may use; onnxruntime's own default ignores the affinity set by a container."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Classifier:
    """A classifier graph: int64 ``(batch, length)`` inputs by name to float32 logits ``(batch, labels)``."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self.input_names: tuple[str, ...] = tuple(node.name for node in session.get_inputs())
        labels = session.get_outputs()[0].shape[-1]
        self.label_count: int | None = labels if isinstance(labels, int) else None

    def __call__(self, inputs: Mapping[str, NDArray[np.int64]], /) -> NDArray[np.float32]:
        """Compute the logits; inputs that the graph does not have are left out.

        Raises:
            DataError: If a token id is negative, which the graph would take for one counted from the table's end.
            StorageError: If the graph refuses them, such as ids beyond its table.
        """
        if inputs["input_ids"].min(initial=0) < 0:
            raise DataError("Token ids must not be negative.", received=int(inputs["input_ids"].min()))
        feed = {name: inputs[name] for name in self.input_names}
        try:
            logits: NDArray[np.float32] = self._session.run(["logits"], feed)[0]
        except Exception as error:  # onnxruntime's exceptions share no base class of their own
            raise StorageError(
                "An exported graph must take what its tokenizer makes.",
                received=str(error).splitlines()[0],
                cure="Check that both come from one export.",
            ) from error
        return logits


def open_classifier(path: Path, *, threads: int | None = None, provider: str = "cpu") -> Classifier:
    """Open an ONNX classifier.

    Args:
        path: The ``.onnx`` file.
        threads: Threads inside an operator; by default all that are available.
        provider: ``cpu``, or another of onnxruntime's execution providers in small letters, such as ``cuda``.

    Raises:
        UserError: If this onnxruntime has no such provider, or ``threads`` is no number from 1 to 1024.
        StorageError: If the file is missing or no model that onnxruntime can run, or the provider does not start.
    """
    return Classifier(open_session(path, threads=threads, provider=provider))


def open_session(
    path: Path,
    *,
    threads: int | None = None,
    provider: str = "cpu",
    provider_options: Mapping[str, str] | None = None,
    profile: Path | None = None,
) -> onnxruntime.InferenceSession:
    """Open any graph.

    Args:
        path: The ``.onnx`` file.
        threads: Threads inside an operator; by default all that are available.
        provider: An execution provider in small letters.
        provider_options: Of that provider, as onnxruntime names them.
        profile: Prefix of a file to write what every node did to, for whoever ends the session's profiling.

    Raises:
        UserError: If this onnxruntime has no such provider, or ``threads`` is no number from 1 to 1024.
        StorageError: If the file is missing or no model that onnxruntime can run, or the provider does not start.
    """
    wanted, options = provider_name(provider), _options(threads, profile)
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=[(wanted, dict(provider_options or {}))])
    except Exception as error:  # onnxruntime's exceptions share no base class of their own
        raise StorageError(
            f"'{path}' must be an ONNX model that onnxruntime can load.",
            received=str(error).splitlines()[0],
            cure="Export the model again.",
        ) from error
    _refuse_fallback(session, wanted)
    return session


def _options(threads: int | None, profile: Path | None) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = available_threads() if threads is None else _checked(threads)
    options.inter_op_num_threads = 1
    # threads that spin while they wait made a two-thread run on a busy machine more than twice as slow
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = FATAL_ONLY
    if profile is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(profile)
    return options


def _checked(threads: int) -> int:
    number = at_least_one("threads", threads)
    if number > MOST_THREADS:
        raise UserError(f"threads must be at most {MOST_THREADS}.", received=number)
    return number


def provider_name(name: str) -> str:
    """The full name of an execution provider, such as ``CUDAExecutionProvider`` of ``cuda``.

    Raises:
        UserError: If this onnxruntime has no such provider.
    """
    available: list[str] = onnxruntime.get_available_providers()
    known = {full.removesuffix("ExecutionProvider").lower(): full for full in available}
    names = sorted(known)
    if name not in names:
        raise UserError(
            "The provider must be one that the installed onnxruntime has.",
            received=f"{name!r} of {', '.join(names)}",
            cure="For cuda and tensorrt, install onnxruntime-gpu in place of onnxruntime.",
        )
    return known[name]


def _refuse_fallback(session: onnxruntime.InferenceSession, wanted: str) -> None:
    """Where a provider does not start, onnxruntime goes on on the CPU without a word."""
    used = session.get_providers()[0]
    if used != wanted:
        raise StorageError(
            f"onnxruntime could not start {wanted}.",
            received=f"a session on {used}",
            cure="Check the driver and its libraries, or choose the provider cpu.",
        )
