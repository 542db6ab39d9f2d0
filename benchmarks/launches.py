"""Operations for which an accelerator would launch a kernel, counted on a CPU."""

from __future__ import annotations

from typing import Any

import torch
from competitors import methods
from timing import both, logits

# Views and allocations launch nothing; ``to`` and ``_to_copy`` are counted by the copy that they may hold.
_LAUNCH_NOTHING = frozenset(
    [
        "as_strided",
        "select",
        "unbind",
        "view",
        "reshape",
        "t",
        "transpose",
        "expand",
        "detach",
        "detach_",
        "slice",
        "empty",
        "empty_like",
        "empty_strided",
        "to",
        "_to_copy",
        "lift_fresh",
        "unsqueeze",
        "squeeze",
        "permute",
        "numpy_T",
        "mT",
        "resolve_conj",
        "resolve_neg",
        "_reshape_alias",
        "alias",
        "item",
        "narrow",
        "_unsafe_view",
        "result_type",
        "promote_types",
        "new_empty",
        "flatten",
    ]
)


def launches(method: str, rows: int = 32, classes: int = 3) -> int:
    """Of one value and gradient."""
    student, teacher = logits(rows, classes)
    loss = methods("batch")[method]
    both(loss, student, teacher)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        both(loss, student, teacher)
    work = [event for event in profile.events() if _launches(event)]
    working = {id(event) for event in work}
    return sum(not any(id(parent) in working for parent in _ancestors(event)) for event in work)


def _launches(event: Any) -> bool:
    return event.name.startswith("aten::") and event.name.removeprefix("aten::") not in _LAUNCH_NOTHING


def _ancestors(event: Any) -> Any:
    while event.cpu_parent is not None:
        event = event.cpu_parent
        yield event
