"""The processes of a run that ``torchrun`` has started, or the only one."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import distributed
from torch.distributed.elastic.multiprocessing.errors import get_error_handler

from sinkd_plugin.console import stderr
from sinkd_plugin.errors import AnotherStoppedError, ConfigError, SinkdError

Computed = TypeVar("Computed")
_SECONDS_BEHIND = 1.0
"""How long those wait that end because of another, which torchrun is to see first: it calls that one the cause."""


def rank() -> int:
    """The number of this process, from 0; 0 is the one that writes."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def count() -> int:
    """How many processes take part."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def local_rank() -> int:
    """TextBrewer's ``local_rank``: this process's number on its machine, -1 for a process by itself."""
    return int(os.environ.get("LOCAL_RANK", rank())) if distributed.is_initialized() else -1


@contextmanager
def joined_processes(device_type: str) -> Iterator[None]:
    """Meet the other processes that ``torchrun`` has started, if it has; only the first one speaks.

    Args:
        device_type: ``cuda`` lets them talk through nccl, everything else through gloo.

    Raises:
        AnotherStoppedError: If another process stopped. That one tells why, to torchrun as well.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    with _translated():
        distributed.init_process_group("nccl" if device_type == "cuda" else "gloo")
    quiet, stderr.quiet = stderr.quiet, rank() != 0
    try:
        with _translated():
            yield
    except AnotherStoppedError:
        time.sleep(_SECONDS_BEHIND)
        raise
    except Exception as error:
        get_error_handler().record_exception(error)
        raise
    finally:
        stderr.quiet = quiet
        distributed.destroy_process_group()


@contextmanager
def _translated() -> Iterator[None]:
    """The errors of a lost connection in words: a process that ends closes its connections to the others."""
    try:
        yield
    except SinkdError:
        raise
    except (RuntimeError, distributed.DistError) as error:
        lost = isinstance(error, distributed.DistError) or "gloo" in str(error).lower()
        if not lost:
            raise
        raise _stopped(str(error).splitlines()[0]) from error


def on_first(compute: Callable[[], Computed]) -> Computed:
    """Let the first process alone compute something; every process returns it, or stops if it fails.

    Args:
        compute: Returns plain data, as JSON has it.

    Raises:
        AnotherStoppedError: On the other processes, if it failed.
    """
    if count() == 1:
        return compute()
    found: list[Any] = [None]
    failure: Exception | None = None
    if rank() == 0:
        try:
            found = [json.dumps(compute())]
        except Exception as error:
            failure = error
    distributed.broadcast_object_list(found, src=0, device=meeting_place())
    if failure is not None:
        raise failure
    if found[0] is None:
        raise _stopped("process 0 stopped")
    result: Computed = json.loads(found[0])
    return result


def first_before_others(compute: Callable[[], Computed]) -> Computed:
    """Let the first process compute something before the others do, who then find what it has downloaded and cached."""
    if count() == 1:
        return compute()
    made: list[Computed] = []

    def make() -> None:
        made.append(compute())

    on_first(make)
    return made[0] if made else compute()


def meeting_place() -> torch.device:
    """The device that the processes exchange tensors on."""
    nccl = distributed.get_backend() == "nccl"
    return torch.device("cuda", torch.cuda.current_device()) if nccl else torch.device("cpu")


def check_group(size: int, what: str) -> None:
    """Check that every process has an example of a whole group.

    Raises:
        ConfigError: If it has fewer examples than there are processes.
    """
    if size < count():
        raise ConfigError(
            f"'{what}' must be at least the number of processes.",
            received=f"{size} for {count()} processes",
            cure="Start fewer processes, or raise it.",
        )


def _stopped(received: str) -> AnotherStoppedError:
    return AnotherStoppedError(
        "A run goes on only while every process does.", received=received, cure="Read what the one that stopped says."
    )
