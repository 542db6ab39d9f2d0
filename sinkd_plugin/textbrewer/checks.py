"""What adaptors must return for the losses to mean what the configuration says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from sinkd_plugin.errors import LossInputError


def check_adapted(student: Mapping[str, Any], teacher: Mapping[str, Any], hard_label_weight: float) -> None:
    """Check the two adaptors' results against each other.

    Args:
        student: What the student's adaptor returned, lists as TextBrewer makes them.
        teacher: What the teacher's adaptor returned.
        hard_label_weight: Weight of the hard-label term.

    Raises:
        LossInputError: If heads differ in number, a mask stands on one side only, masks are neither one nor one a
            head, or the hard-label term has a weight but no ``losses``.
    """
    heads = len(student.get("logits", [])), len(teacher.get("logits", []))
    if heads[0] != heads[1]:
        raise LossInputError(
            "Student and teacher must have the same number of heads.",
            received=f"{heads[0]} and {heads[1]}",
            cure="Return equally many 'logits' from both adaptors.",
        )
    if ("logits_mask" in student) != ("logits_mask" in teacher):
        side = "student" if "logits_mask" in student else "teacher"
        raise LossInputError(
            "A 'logits_mask' must come from both adaptors or from neither.", received=f"one from the {side} only"
        )
    for side, results in (("student", student), ("teacher", teacher)):
        _check_masks(results, side)
    if hard_label_weight > 0 and not any(loss is not None for loss in student.get("losses", [])):
        raise LossInputError(
            "With 'hard_label_weight' above 0 the student's adaptor must return 'losses'.",
            received=f"hard_label_weight {hard_label_weight} and no 'losses'",
            cure="Put 'labels' into the batch and return {'losses': outputs.loss, …}, or set hard_label_weight to 0.",
        )


def _check_masks(results: Mapping[str, Any], side: str) -> None:
    masks, heads = len(results.get("logits_mask", [])), len(results.get("logits", []))
    if masks not in (0, 1, heads):
        raise LossInputError(
            "There must be one 'logits_mask' for all heads, or one for each.",
            received=f"{masks} masks for the {side}'s {heads} heads",
        )


def check_total(total: torch.Tensor | float) -> None:
    """Check that there is something to learn from.

    Raises:
        LossInputError: If no term came together, so that the total is the number 0 and no tensor.
    """
    if not isinstance(total, torch.Tensor):
        raise LossInputError(
            "The adaptors must return something to learn from.",
            received="no 'logits' on both sides, no 'losses', and no intermediate matches",
            cure="Return {'logits': outputs.logits, …} from both adaptors.",
        )


def check_shapes(student_logits: torch.Tensor, teacher_logits: torch.Tensor) -> None:
    """Check one head's logits, masks applied.

    Raises:
        LossInputError: If the shapes differ.
    """
    if student_logits.shape != teacher_logits.shape:
        raise LossInputError(
            "Student and teacher logits must have the same shape.",
            received=f"{tuple(student_logits.shape)} and {tuple(teacher_logits.shape)}",
            cure="Check that both masks select the same rows, and that both models have the same labels or vocabulary. "
            "Labels in another order are put right by 'label2id', and the padding of one vocabulary is cut; for "
            "anything else, return the logits of the same classes or candidate tokens from both adaptors.",
        )
