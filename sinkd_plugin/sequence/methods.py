"""The methods by name: from whom sequences are sampled, and what is summed along them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch

    from sinkd_plugin.sequence.steps import Steps

MethodName = Literal["seqkd", "engine", "kl", "reverse_kl", "js", "tvd"]
Writer = Literal["teacher", "student"]
Samples = Literal["teacher", "student", "both"]
StepLoss = Callable[["Steps"], "torch.Tensor"]

WRITERS: Mapping[Samples, tuple[Writer, ...]] = {
    "teacher": ("teacher",),
    "student": ("student",),
    "both": ("teacher", "student"),
}


@dataclass(frozen=True, kw_only=True)
class Method:
    """One way to distil whole sequences.

    Args:
        name: What ``sequence.method`` says.
        summary: One line about it.
        samples: Whose sequences it may be computed on; the first is the paper's, and the default.
        steps: Name of the function of ``step_divergences`` that is summed along sequences of each writer.
    """

    name: MethodName
    summary: str
    samples: tuple[Samples, ...]
    steps: Mapping[Writer, str]

    def step_loss(self, writer: Writer) -> StepLoss:
        """What is summed along sequences that ``writer`` wrote."""
        from sinkd_plugin.sequence import step_divergences

        loss: StepLoss = getattr(step_divergences, self.steps[writer])
        return loss


def _on_either(step: str) -> dict[Writer, str]:
    return {"teacher": step, "student": step}


METHODS: Mapping[str, Method] = {
    method.name: method
    for method in (
        Method(
            name="seqkd",
            summary="Cross-entropy with what the teacher writes.",
            samples=("teacher",),
            steps={"teacher": "negative_log_likelihood"},
        ),
        Method(
            name="engine",
            summary="The teacher's energy of what the student writes.",
            samples=("student",),
            steps={"student": "energy"},
        ),
        Method(
            name="kl",
            summary="KL(teacher ‖ student) of sequences, on the teacher's.",
            samples=("teacher", "student", "both"),
            steps=_on_either("kl"),
        ),
        Method(
            name="reverse_kl",
            summary="KL(student ‖ teacher) of sequences, on the student's.",
            samples=("student", "teacher", "both"),
            steps=_on_either("reverse_kl"),
        ),
        Method(
            name="js",
            summary="Jensen-Shannon divergence of sequences, to their exact mixture, on both models'.",
            samples=("both",),
            steps={"teacher": "teacher_to_mixture", "student": "student_to_mixture"},
        ),
        Method(
            name="tvd",
            summary="An upper bound of the total variation distance of sequences, on both models'.",
            samples=("both", "teacher", "student"),
            steps=_on_either("tvd"),
        ),
    )
}
