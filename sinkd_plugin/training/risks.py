"""How far a student's distribution of texts is from its teacher's, told by samples of both."""

from __future__ import annotations

from typing import Any

from sinkd_plugin.sequence.measures import distinct_share
from sinkd_plugin.specs import Decoding
from sinkd_plugin.training.config import RunConfig
from sinkd_plugin.training.material import Material
from sinkd_plugin.training.prepare import Prepared
from sinkd_plugin.training.stage import Stage
from sinkd_plugin.training.teacher_samples import kept_samples
from sinkd_plugin.training.writing import risk_of, write_split, writer_of


def risks(config: RunConfig, prepared: Prepared, teacher: Stage, material: Material, name: str) -> dict[str, Any]:
    """Both risks on the test split, and the diversity of the teacher's samples there.

    Args:
        config: The configuration of the student.
        prepared: What the run starts from.
        teacher: The finished teacher.
        material: Both models and the splits.
        name: The student's name, for the progress bars.

    Returns:
        ``likelihood_risk`` and ``coverage_risk``, in nats a token; ``teacher_distinct_bigrams``, a share; ``n``.
        Nothing where ``decoding.samples`` is 0, or the task is no generation.
    """
    per_example = config.decoding.samples
    if prepared.task.spec.kind != "generation" or per_example == 0:
        return {}
    writer, test, seed = writer_of(material.reader), material.tests["test"], config.training.seed
    decoding = Decoding(sample=True, per_example=per_example)
    folder = config.training.output_dir
    theirs = kept_samples(folder, prepared, teacher, material.teacher, writer, test, decoding, split="test", seed=seed)
    ours = write_split(material.student, writer, test, Decoding(sample=True), seed=seed, what=f"Sequences of '{name}'")
    everything = [theirs.all_of(example) for example in range(len(test))]
    return {
        "likelihood_risk": risk_of(
            material.teacher, writer, test, [one for (one,) in ours], what=f"Likelihood risk of '{name}'"
        ),
        "coverage_risk": risk_of(
            material.student, writer, test, [each[0] for each in everything], what=f"Coverage risk of '{name}'"
        ),
        "teacher_distinct_bigrams": distinct_share(everything),
        "n": len(test),
    }
