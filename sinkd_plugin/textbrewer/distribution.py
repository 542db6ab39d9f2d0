"""One student on several processes: only the student is wrapped, on the device where it is."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from sinkd_plugin.errors import ConfigError

_BUFFERS = next(
    name
    for name in ("forward_sync_buffers", "broadcast_buffers")  # torch has given it a new name
    if name in inspect.signature(DistributedDataParallel).parameters
)


def distributed(
    module: Any, device: Any, *, find_unused_parameters: bool = False, broadcast_buffers: bool = True
) -> Any:
    """The module wrapped for training on several processes; one that has nothing to train, or is wrapped, stays.

    TextBrewer wraps the teachers too, which fails where they are frozen, and names a CUDA device on the CPU as well.

    Args:
        module: A model or a projection.
        device: Where it is.
        find_unused_parameters: Whether some weights may take no part in a step.
        broadcast_buffers: Whether the first process's buffers replace the others' at a forward pass.
    """
    trainable = isinstance(module, nn.Module) and not isinstance(module, DistributedDataParallel)
    if not trainable or not any(weight.requires_grad for weight in module.parameters()):
        return module
    place = torch.device(device)
    number: int | None = place.index
    cuda = [torch.cuda.current_device() if number is None else number] if place.type == "cuda" else None
    buffers: dict[str, Any] = {} if broadcast_buffers else {_BUFFERS: False}
    return DistributedDataParallel(module, device_ids=cuda, find_unused_parameters=find_unused_parameters, **buffers)


def data_parallel(models: Any) -> Any:
    """The same models behind ``torch.nn.DataParallel``."""
    if isinstance(models, dict):
        return {name: data_parallel(model) for name, model in models.items()}
    if isinstance(models, (list, tuple)):
        return [data_parallel(model) for model in models]
    return models if isinstance(models, nn.DataParallel) else nn.DataParallel(models)


def set_epoch(loader: Any, epoch: int) -> None:
    """Tell the loader or its distributed sampler the epoch, so that it shuffles anew; others need not know."""
    batch_sampler = getattr(loader, "batch_sampler", None)
    for owner in (loader, getattr(loader, "sampler", None), getattr(batch_sampler, "sampler", None)):
        tell = getattr(owner, "set_epoch", None)
        if tell is not None:
            tell(epoch)


def add_groups(optimizer: Any, modules: Iterable[tuple[Any, Any]]) -> None:
    """Give the weights of projections to the optimiser, unless an earlier ``train()`` has done it.

    Args:
        optimizer: The caller's.
        modules: Projections, each with the settings of its group.
    """
    known = {id(weight) for group in optimizer.param_groups for weight in group["params"]}
    for weights, settings in _trainable(modules):
        fresh = [weight for weight in weights if id(weight) not in known]
        if fresh:
            optimizer.add_param_group({"params": fresh, **settings})
            known.update(map(id, fresh))


def _trainable(modules: Iterable[tuple[Any, Any]]) -> Iterator[tuple[list[nn.Parameter], dict[str, Any]]]:
    for module, settings in modules:
        if isinstance(module, nn.Module):
            yield list(module.parameters()), dict(settings or {})


def averaged_over_processes(numbers: Mapping[str, float], device: Any) -> dict[str, float]:
    """The mean over all processes of each number; every process must take part.

    Args:
        numbers: The same names on every process.
        device: What the process group communicates from.
    """
    mine = torch.tensor([numbers[name] for name in sorted(numbers)], dtype=torch.float64, device=device)
    torch.distributed.all_reduce(mine)
    mine /= torch.distributed.get_world_size()
    return dict(zip(sorted(numbers), mine.tolist(), strict=True))


def check_fp16(train_config: Any) -> None:
    """TextBrewer's ``fp16`` needs apex, which today's torch has replaced.

    Raises:
        ConfigError: If it is on.
    """
    if train_config.fp16:
        raise ConfigError(
            "'TrainingConfig.fp16' is apex, which our distillers do not use.",
            received=True,
            cure="Leave it False and build the distiller with precision='bf16'.",
        )
