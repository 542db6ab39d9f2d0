"""The tensors of every process on every process, whatever their shapes."""

from __future__ import annotations

import zlib

import torch
from torch import distributed

from sinkd_plugin.errors import LossInputError
from sinkd_plugin.textbrewer.group_results import Flat


def gathered(own: Flat, device: torch.device) -> list[Flat]:
    """Each process's tensors, in the order of the processes; one's own are the very ones that were given.

    Three collectives whatever the number of tensors: what they are, their shapes, and all values as bytes. Gradients
    stay with the process whose tensors they belong to, which is why nothing is differentiated through here.

    Args:
        own: The same names, types and numbers of dimensions on every process; any shapes.
        device: Where the backend communicates from.

    Raises:
        LossInputError: If the processes do not have the same tensors.
    """
    _check_same(own, device)
    values = list(own.values())
    shapes = [_split(row.tolist(), values) for row in _all(_shapes(values).to(device))]
    lengths = [sum(_bytes(shape, like) for shape, like in zip(each, values, strict=True)) for each in shapes]
    packed = torch.cat([_as_bytes(value) for value in values]).to(device)
    room = torch.zeros(max(lengths) - len(packed), dtype=torch.uint8, device=device)
    found = [_unpacked(data, each, own) for data, each in zip(_all(torch.cat([packed, room])), shapes, strict=True)]
    found[distributed.get_rank()] = own
    return found


def _all(tensor: torch.Tensor) -> list[torch.Tensor]:
    found = [torch.empty_like(tensor) for _ in range(distributed.get_world_size())]
    distributed.all_gather(found, tensor)
    return found


def _check_same(own: Flat, device: torch.device) -> None:
    said = ", ".join(f"{name} {value.dtype} {value.dim()}" for name, value in own.items())
    signatures = _all(torch.tensor([zlib.crc32(said.encode())], device=device))
    if len({int(signature) for signature in signatures}) > 1:
        raise LossInputError(
            "The adaptors must return the same entries on every process.",
            received=f"on process {distributed.get_rank()}: {said}",
        )


def _shapes(values: list[torch.Tensor]) -> torch.Tensor:
    return torch.tensor([size for value in values for size in value.shape], dtype=torch.long)


def _split(sizes: list[int], like: list[torch.Tensor]) -> list[torch.Size]:
    remaining = iter(sizes)
    return [torch.Size([next(remaining) for _ in range(value.dim())]) for value in like]


def _bytes(shape: torch.Size, like: torch.Tensor) -> int:
    return shape.numel() * like.element_size()


def _as_bytes(value: torch.Tensor) -> torch.Tensor:
    return value.detach().contiguous().reshape(-1).view(torch.uint8)


def _unpacked(data: torch.Tensor, shapes: list[torch.Size], own: Flat) -> Flat:
    found, start = {}, 0
    for (name, like), shape in zip(own.items(), shapes, strict=True):
        end = start + _bytes(shape, like)
        # a copy: a view into the bytes would have to begin at a multiple of its own size
        found[name] = data[start:end].clone().view(like.dtype).reshape(shape).to(like.device)
        start = end
    return found
