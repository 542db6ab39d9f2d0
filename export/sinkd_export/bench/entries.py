"""Who takes part: every model in every form on every provider, and who cannot, with the reason."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sinkd_export.bench.forms import EAGER, IN_PYTORCH, REPLAYED
from sinkd_export.bench.material import GraphMaker
from sinkd_export.bench.options import BenchOptions
from sinkd_export.bench.places import Place, names_of, place_of
from sinkd_export.bench.providers import available_providers
from sinkd_export.bench.records import Unavailable
from sinkd_plugin.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One model in one form on one provider, not loaded yet.

    Args:
        name: Its name in the report.
        reference: What the user called the model.
        model: Folder with the configuration and the tokenizer.
        graph: A classifier's graph, or the folder of a generative model's; ``None`` in PyTorch, and before it is made.
        exported: Whether that was there before, with no weights of PyTorch beside it.
        form: One of ``sinkd_export.bench.forms.FORMS``.
        provider: ``cpu``, ``cuda`` or ``tensorrt``.
        generates: Whether it writes text; else it labels.
    """

    name: str
    reference: str
    model: Path
    graph: Path | None
    exported: bool
    form: str
    provider: str
    generates: bool


def entries_of(references: Sequence[str], options: BenchOptions) -> tuple[tuple[Entry, ...], tuple[Unavailable, ...]]:
    """Those that can be loaded, the first of them the one that ratios are relative to, and those that cannot.

    Args:
        references: Model references, exported folders or their graphs.
        options: Forms and providers.

    Raises:
        UserError: If no model is given, or one twice, or some label and some write, or an option is for none of them.
    """
    if not references or len(set(references)) != len(references):
        raise UserError("Give one or more different models.", received=", ".join(references) or "none")
    places = {reference: place_of(reference) for reference in references}
    names = names_of(references)
    _check_alike({names[reference]: place for reference, place in places.items()})
    _check_options(places.values(), options)
    here = available_providers()
    entries: list[Entry] = []
    unavailable: list[Unavailable] = []
    for reference, place in places.items():
        for wanted in _wanted(reference, names[reference], place, options):
            reason = _missing(wanted, here)
            if reason is None:
                entries.append(wanted)
            else:
                unavailable.append(Unavailable(model=wanted.name, reason=reason))
    _check_names([*(entry.name for entry in entries), *(each.model for each in unavailable)])
    return tuple(entries), tuple(unavailable)


def with_graphs(entries: Sequence[Entry], maker: GraphMaker) -> tuple[tuple[Entry, ...], tuple[Unavailable, ...]]:
    """The same, with a graph made for each that runs in onnxruntime and has none yet, and those that have no such form.

    Raises:
        SinkdError: Whatever making one raises, but that a model has no such form.
    """
    made: list[Entry] = []
    unavailable: list[Unavailable] = []
    for entry in entries:
        try:
            made.append(_with_graph(entry, maker))
        except UserError as error:
            unavailable.append(Unavailable(model=entry.name, reason=str(error)))
    return tuple(made), tuple(unavailable)


def _with_graph(entry: Entry, maker: GraphMaker) -> Entry:
    if entry.exported or entry.form in IN_PYTORCH:
        return entry
    graphs = maker.graphs(entry.model, entry.form)
    return replace(entry, graph=graphs if entry.generates else graphs / "model.onnx")


def _wanted(reference: str, name: str, place: Place, options: BenchOptions) -> Iterator[Entry]:
    for form in options.forms if place.form is None else (place.form,):
        for provider in _providers_of(form, options):
            called = name if place.exported or form == EAGER else f"{name}, {form}"
            yield Entry(
                name=called if provider == "cpu" else f"{called} ({provider})",
                reference=reference,
                model=place.folder,
                graph=(place.graph or place.folder) if place.exported else None,
                exported=place.exported,
                form=form,
                provider=provider,
                generates=place.generates,
            )


def _providers_of(form: str, options: BenchOptions) -> tuple[str, ...]:
    """Where a form is timed: a replayed graph on cuda, if that is asked for at all."""
    return ("cuda",) if form == REPLAYED and "cuda" in options.providers else options.providers


def _missing(entry: Entry, here: Sequence[str]) -> str | None:
    if entry.provider not in here:
        return f"no {entry.provider} on this machine, or none that the installed onnxruntime can use"
    if entry.form == REPLAYED and entry.provider != "cuda":
        return "CUDA graphs are replayed on the provider cuda alone"
    if entry.provider == "tensorrt" and entry.form in IN_PYTORCH:
        return "PyTorch does not run on TensorRT"
    if entry.provider != "cpu" and entry.generates:
        return "generation is timed on the CPU only"
    return None


def _check_alike(places: Mapping[str, Place]) -> None:
    if len({place.generates for place in places.values()}) > 1:
        raise UserError(
            "Models that are timed together must all label, or all write text.",
            received=", ".join(
                f"'{name}' {'writes' if place.generates else 'labels'}" for name, place in places.items()
            ),
            cure="Time classifiers and generative models in runs of their own.",
        )


def _check_names(names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(
            "Models that are timed together must be told apart by their names.",
            received=f"'{twice[0]}' twice",
            cure="Rename a folder: a form is called after its model.",
        )


def _check_options(places: Collection[Place], options: BenchOptions) -> None:
    """An option that no model heeds is a mistake, not a wish."""
    told = options.model_fields_set
    if "forms" in told and all(place.exported for place in places):
        raise UserError(
            "--form is for Transformers folders.",
            received=f"{','.join(options.forms)} for exported models only",
            cure="Leave it out: an exported folder is timed as it is. Or name the model that it was made of.",
        )
    writes = next(iter(places)).generates
    if "new_tokens" in told and not writes:
        raise UserError("--new-tokens is for models that write text.", received="classifiers", cure="Leave it out.")
    if options.task is not None and writes:
        raise UserError(
            "Only classifiers are timed on a task.",
            received="--task for models that write text",
            cure="Export them with --task classification, and time those.",
        )
