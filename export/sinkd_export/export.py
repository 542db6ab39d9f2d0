"""Export a model: check, convert, verify in the staging folder, describe, and only then give it its name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sinkd_export.card import card
from sinkd_export.companions import add_companions
from sinkd_export.convert.recipe import Recipe
from sinkd_export.destination import check_destination
from sinkd_export.environment import versions
from sinkd_export.graphs import Made, make_graphs
from sinkd_export.layout import Layout
from sinkd_export.model_folder import weights_digest
from sinkd_export.prove.failure import failed
from sinkd_export.prove.final import classifier_parity, token_problems
from sinkd_export.prove.parity import Parity
from sinkd_export.prove.proof import Proof
from sinkd_export.report import REPORT_NAME, SCHEMA_VERSION, ExportReport, TrialRecord, file_records
from sinkd_export.sentences import Sentences
from sinkd_export.source import Source
from sinkd_export.specs import ExportTargetSpec
from sinkd_export.trial import SPLIT
from sinkd_plugin.errors import UserError
from sinkd_plugin.storage import new_folder, write_json

PLAIN = Recipe()


def export_model(
    source: Source,
    into: Path,
    *,
    target: ExportTargetSpec,
    sentences: Sentences,
    recipe: Recipe = PLAIN,
    layout: Layout = "flat",
    overwrite: bool = False,
) -> ExportReport:
    """Export a model to a folder that appears complete and verified, or not at all.

    Args:
        source: The model, from ``sinkd_export.source.find_source`` for the same target.
        into: The folder to make.
        target: What to export it to.
        sentences: Real sentences to verify it on.
        recipe: How its graphs are made.
        layout: Where they lie.
        overwrite: Replace an export that is there.

    Raises:
        UserError: If the folder exists and ``overwrite`` is off, or is not to be replaced at all, or the target has no
            graphs that a recipe could be for.
        VerificationError: If the export does not compute what PyTorch computes.
        StorageError: If the disk is full or not writable.
    """
    _check_recipe(source, target, recipe, layout)
    _check_not_the_model(source, into)
    check_destination(into, overwrite=overwrite)
    with new_folder(into, overwrite=overwrite) as staging:
        proof = Proof(source, sentences, target.tolerance)
        made = Made()
        if target.export is None:
            made = make_graphs(proof, sentences, recipe, layout, staging)
        else:
            target.export(source.folder, staging)
        add_companions(source, staging)
        problems = token_problems(staging, source, sentences)
        if target.arrange is not None:
            target.arrange(staging)
        problems += [*target.inspect(staging), *token_problems(staging, source, sentences)]
        parity = _final_parity(staging, target, proof, made, layout, recipe, problems)
        report = _report(source, target, recipe, layout, sentences, made, parity)
        usage = None if target.usage is None else target.usage(source, staging)
        (staging / "README.md").write_text(card(source, report, usage), encoding="utf-8")
        report = replace(report, files=file_records(staging))
        write_json(staging / REPORT_NAME, report.to_dict())
    return report


def _final_parity(
    folder: Path,
    target: ExportTargetSpec,
    proof: Proof,
    made: Made,
    layout: Layout,
    recipe: Recipe,
    problems: list[str],
) -> Parity:
    """The parity of the folder as it will be found; nothing may be wrong by now."""
    if proof.source.form == "generation":  # its graphs were proven under their final names; only their folder moved
        parity = made.shipped.parity
    else:
        precision = made.kept[-1].precision if made.kept and layout == "flat" else "fp32"
        opset = recipe.opset if made.kept else None
        parity, failures = classifier_parity(folder, target, proof, precision, opset)
        problems = list(dict.fromkeys([*problems, *failures]))
    if problems or parity is None:
        raise failed(problems)
    return parity


def _report(
    source: Source,
    target: ExportTargetSpec,
    recipe: Recipe,
    layout: Layout,
    sentences: Sentences,
    made: Made,
    parity: Parity,
) -> ExportReport:
    graphs = bool(made.kept)
    return ExportReport(
        schema_version=SCHEMA_VERSION,
        target=target.name,
        form=source.form,
        recipe=recipe.model_dump() if graphs else None,
        layout=layout,
        opset=recipe.opset if graphs else None,
        precision=made.shipped.precision if graphs else None,
        source=source.reference,
        source_weights=weights_digest(source.folder),
        labels=source.labels,
        max_length=source.max_length,
        sentences=sentences.source,
        sentence_count=len(sentences.texts),
        parity=parity,
        trial=_trial_record(source, sentences, made),
        variants=tuple(made.records),
        price=made.price,
        versions=versions(),
    )


def _trial_record(source: Source, sentences: Sentences, made: Made) -> TrialRecord | None:
    trial, asked = sentences.trial, source.asked or source.ranking
    if trial is None or all(record.score is None for record in made.records):
        return None
    return TrialRecord(
        task=trial.task,
        metric=trial.metric,
        split=SPLIT,
        n=len(trial.texts),
        max_length=source.deployed_length,
        prompt=None if asked is None else asked.prompt.template,
    )


def _check_recipe(source: Source, target: ExportTargetSpec, recipe: Recipe, layout: Layout) -> None:
    if recipe.static and source.form == "generation":
        raise UserError(
            "Static ranges are for classifiers.",
            received=f"--static for a model that generates ({source.config.model_type})",
            cure="Leave out --static, or export it with --task classification.",
        )
    if target.arrange is not None and layout not in target.layouts:
        raise UserError(
            f"The export target '{target.name}' has a layout of its own.",
            received=f"--layout {layout} for it",
            cure="Leave out --layout, or choose --target onnx.",
        )
    if target.export is None or (recipe == PLAIN and layout == "flat"):
        return
    raise UserError(
        f"The export target '{target.name}' writes a form of its own.",
        received="an opset, an optimisation, a precision or a layout for it",
        cure="Leave these out, or choose --target onnx.",
    )


def _check_not_the_model(source: Source, into: Path) -> None:
    """Whatever ``--force`` says."""
    if into.resolve() == source.folder.resolve() or source.folder.resolve().is_relative_to(into.resolve()):
        raise UserError(
            "An export must not replace the model it comes from.", received=f"'{into}'", cure="Choose another."
        )
