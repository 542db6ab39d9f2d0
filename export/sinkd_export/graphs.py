"""The ONNX graphs of an export: made in every form that was asked for, proven, and put in place."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

from sinkd_export.asking import Asked
from sinkd_export.convert.exporter import convert_to_onnx
from sinkd_export.convert.parts import parts_of
from sinkd_export.convert.quantise import Calibration
from sinkd_export.convert.recipe import Recipe
from sinkd_export.convert.variants import Variant, variants
from sinkd_export.environment import instruction_sets
from sinkd_export.layout import Layout, place
from sinkd_export.prove.cases import batches_by_length, tokenised
from sinkd_export.prove.deployed import deployed
from sinkd_export.prove.failure import failed
from sinkd_export.prove.price import Price, price_of
from sinkd_export.prove.proof import Proof, VariantRecord
from sinkd_export.sentences import Sentences
from sinkd_export.source import Source
from sinkd_export.trial import CALIBRATION, evenly

WORK = ".work"
CALIBRATION_BATCH = 8
KEPT_COMPANIONS = ("generation_config.json",)


@dataclass
class Made:
    """What became of each form of a model."""

    records: list[VariantRecord] = field(default_factory=list)
    kept: list[Variant] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    price: Price | None = None

    @property
    def shipped(self) -> VariantRecord:
        """The record of the form that is shipped, the lowest precision where there are several."""
        return next(record for record in reversed(self.records) if record.shipped)


def make_graphs(proof: Proof, sentences: Sentences, recipe: Recipe, layout: Layout, into: Path) -> Made:
    """Convert a model, prove every form of it, and put those that are shipped into ``into``.

    Args:
        proof: The model, and what PyTorch computes.
        sentences: Real sentences, to calibrate static ranges on if the task is not known.
        recipe: What to make.
        layout: Where to put it.
        into: The folder of the export.

    Raises:
        VerificationError: If a float32 graph does not compute what PyTorch computes; all failures in one message.
    """
    source, work = proof.source, into / WORK
    converted = work / "converted"
    converted.mkdir(parents=True)
    parts = parts_of(source.known_family, source.form)
    if source.asked is None:
        convert_to_onnx(source.folder, converted, parts, opset=recipe.opset)
    else:
        _convert_asked(source, source.asked, proof, converted, recipe)
    made = Made(records=[proof.pytorch()])
    for variant in variants(converted, work, parts, proof.model, recipe, lambda: calibration(source, sentences)):
        _judge(variant, made, proof, sentences, recipe)
    if made.problems:
        raise failed(made.problems)
    shipped = place(made.kept, into, layout)
    made.records = [replace(record, shipped=record.name in shipped) for record in made.records]
    for name in KEPT_COMPANIONS:
        if (converted / name).is_file() and source.form == "generation":
            shutil.copyfile(converted / name, into / name)
    shutil.rmtree(work)
    return made


def calibration(source: Source, sentences: Sentences) -> Calibration:
    """Inputs of the training split, or of the sentences if the task is not known."""
    if sentences.trial is not None:
        reading = deployed(source)
        return map(reading.inputs, batches_by_length(sentences.trial.calibration, CALIBRATION_BATCH))
    texts = evenly(sentences.texts, CALIBRATION)
    length = source.deployed_length
    return (tokenised(source.tokenizer, batch, length) for batch in batches_by_length(texts, CALIBRATION_BATCH))


def _convert_asked(source: Source, asked: Asked, proof: Proof, into: Path, recipe: Recipe) -> None:
    from sinkd_export.convert.answers import convert_answers

    convert_answers(
        proof.model,
        source.known_family,
        into,
        answers=asked.answers,
        start=asked.start,
        length_normalised=asked.length_normalised,
        opset=recipe.opset,
    )


def _judge(variant: Variant, made: Made, proof: Proof, sentences: Sentences, recipe: Recipe) -> None:
    record, problems = proof.check(variant, recipe.opset)
    if variant.precision == "fp32":
        made.problems += problems
    else:
        made.price = price_of(
            record,
            made.records[0],
            problems,
            trial=sentences.trial,
            tolerance=recipe.tolerance,
            instruction_sets=instruction_sets(),
        )
        record = replace(record, refused=made.price.reason)
    if record.refused is None:
        made.kept.append(variant)
    made.records.append(record)
