"""Bring the teacher's classes into the student's order and number, where both models' configurations say how."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch

logger = logging.getLogger("Distillation")
_MOST_PADDING = 1024
"""Entries that vocabularies of one tokenizer differ by at most: Qwen2's by 128, GPT-2's by 47, CodeGen's by 943."""
_PADDED_TO = 8
_SPECIAL_TOKENS = ("bos_token_id", "eos_token_id", "pad_token_id", "tokenizer_class", "model_type")


def aligned(
    student: Mapping[str, Any], teacher: Mapping[str, Any], student_model: Any, teacher_model: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both adaptors' results with comparable classes.

    Labels in another order (by ``label2id``) are put into the student's order. Vocabularies that only padding tells
    apart are cut to the smaller one: both logits as wide as ``config.vocab_size``, the same model type, tokenizer
    class and special tokens, the larger one a multiple of 8, and at most 1024 entries between them. Everything else
    stays as it is, for ``check_shapes`` to judge.

    Args:
        student: Results with ``logits`` as a list, ``(..., classes)`` each.
        teacher: The same.
        student_model: Its ``config``, if it has one, tells the labels and the vocabulary.
        teacher_model: The same.

    Returns:
        The student's results, then the teacher's; nothing is changed in place.
    """
    configs = _configuration(student_model), _configuration(teacher_model)
    ours, theirs = student.get("logits", []), teacher.get("logits", [])
    if any(config is None for config in configs) or not ours or len(ours) != len(theirs):
        return dict(student), dict(teacher)
    pairs = [_pair(one, two, *configs) for one, two in zip(ours, theirs, strict=True)]
    return {**student, "logits": [one for one, _ in pairs]}, {**teacher, "logits": [two for _, two in pairs]}


def _configuration(model: Any) -> Any:
    """The model's own, through the wrappers of data-parallel training."""
    return getattr(getattr(model, "module", model), "config", None)


def _pair(
    student: torch.Tensor, teacher: torch.Tensor, student_config: Any, teacher_config: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    classes = student.shape[-1], teacher.shape[-1]
    if classes[0] != classes[1]:
        if not _one_tokenizer(classes, student_config, teacher_config):
            return student, teacher
        _note(f"Vocabularies of {classes[0]} (student) and {classes[1]} (teacher) entries are cut to {min(classes)}.")
        return student[..., : min(classes)], teacher[..., : min(classes)]
    order = _order(_labels(student_config), _labels(teacher_config), classes[0])
    if order is None:
        return student, teacher
    _note(f"The teacher's classes are put into the student's order by label2id: {order}.")
    return student, teacher[..., order]


def _one_tokenizer(classes: tuple[int, int], student_config: Any, teacher_config: Any) -> bool:
    vocabularies = getattr(student_config, "vocab_size", None), getattr(teacher_config, "vocab_size", None)
    if vocabularies != classes or abs(classes[0] - classes[1]) > _MOST_PADDING or max(classes) % _PADDED_TO:
        return False
    return all(getattr(student_config, key, None) == getattr(teacher_config, key, None) for key in _SPECIAL_TOKENS)


def _labels(config: Any) -> dict[str, int]:
    """Names of the classes in small letters; none where Transformers invented ``LABEL_0``, ``LABEL_1`` and so on."""
    found = {str(name).casefold(): int(number) for name, number in (getattr(config, "label2id", None) or {}).items()}
    invented = all(name == f"label_{number}" for name, number in found.items())
    return {} if invented else found


def _order(student: Mapping[str, int], teacher: Mapping[str, int], classes: int) -> list[int] | None:
    """For each of the student's classes, the teacher's; ``None`` where there is nothing to put right."""
    everything = list(range(classes))
    if student.keys() != teacher.keys() or sorted(student.values()) != everything:
        return None
    order: Sequence[int] = [teacher[name] for name, _ in sorted(student.items(), key=lambda item: item[1])]
    return list(order) if sorted(order) == everything and list(order) != everything else None


@lru_cache(maxsize=64)
def _note(message: str) -> None:
    """Say it once, not at every step."""
    logger.warning(message)
