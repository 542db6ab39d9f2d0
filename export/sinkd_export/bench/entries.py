"""Who takes part: every model in every form on every provider, and who cannot, with the reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sinkd_export.bench.forms import EAGER, IN_PYTORCH, REPLAYED
from sinkd_export.bench.material import GraphMaker
from sinkd_export.bench.options import BenchOptions
from sinkd_export.bench.providers import available_providers
from sinkd_export.bench.records import Unavailable
from sinkd_export.families import family_of
from sinkd_export.graph_file import PLACES
from sinkd_export.report import REPORT_NAME
from sinkd_export.source import load_config, local_folder
from sinkd_plugin.errors import UserError
from sinkd_plugin.storage import read_json


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One model in one form on one provider, not loaded yet.

    Args:
        name: Its name in the report.
        reference: What the user called the model.
        model: Folder with the configuration and the tokenizer.
        graphs: Folder with the graphs; ``None`` in PyTorch.
        form: One of ``sinkd_export.bench.forms.FORMS``.
        provider: ``cpu``, ``cuda`` or ``tensorrt``.
        generates: Whether it writes text; else it labels.
    """

    name: str
    reference: str
    model: Path
    graphs: Path | None
    form: str
    provider: str
    generates: bool

    @property
    def graph(self) -> Path | None:
        """A classifier's graph."""
        places = () if self.graphs is None or self.generates else [self.graphs / name for name in PLACES]
        return next((path for path in places if path.is_file()), None)


def entries_of(
    references: Sequence[str], options: BenchOptions, maker: GraphMaker
) -> tuple[tuple[Entry, ...], tuple[Unavailable, ...]]:
    """Those that can be loaded, the first of them the one that ratios are relative to, and those that cannot.

    Args:
        references: Model references or exported folders.
        options: Forms and providers.
        maker: Makes the graphs of a Transformers folder.

    Raises:
        UserError: If no model is given, or one twice, or some label and some write, or no provider is there.
    """
    if not references or len(set(references)) != len(references):
        raise UserError("Give one or more different models.", received=", ".join(references) or "none")
    here = available_providers()
    if not set(options.providers) & set(here):
        raise UserError("One of the providers must be there.", received=", ".join(options.providers), cure="Add cpu.")
    names = _names(references)
    entries: list[Entry] = []
    unavailable: list[Unavailable] = []
    for wanted in (entry for reference in references for entry in _wanted(reference, names[reference], options)):
        reason = _missing(wanted, here)
        if reason is None:
            entries.append(_with_graphs(wanted, maker))
        else:
            unavailable.append(Unavailable(model=wanted.name, reason=reason))
    _check_alike(entries)
    return tuple(entries), tuple(unavailable)


def is_exported(folder: Path) -> bool:
    """Whether a folder runs in onnxruntime."""
    return any(folder.glob("*.onnx")) or any(folder.glob("onnx/*.onnx"))


def _names(references: Sequence[str]) -> dict[str, str]:
    """The last part of each path; the whole of it where two share that."""
    short = {reference: reference.rstrip("/").rpartition("/")[2] or reference for reference in references}
    shared = {name for name in short.values() if list(short.values()).count(name) > 1}
    return {reference: reference if name in shared else name for reference, name in short.items()}


def _wanted(reference: str, name: str, options: BenchOptions) -> Iterator[Entry]:
    folder = local_folder(reference)
    exported = is_exported(folder)
    generates = _generates(folder, exported)
    for form in (_form_of_export(folder),) if exported else options.forms:
        for provider in _providers_of(form, options):
            called = name if exported or form == EAGER else f"{name}, {form}"
            yield Entry(
                name=called if provider == "cpu" else f"{called} ({provider})",
                reference=reference,
                model=folder,
                graphs=folder if exported else None,
                form=form,
                provider=provider,
                generates=generates,
            )


def _providers_of(form: str, options: BenchOptions) -> tuple[str, ...]:
    """Where a form is timed: a replayed graph on cuda, if that is asked for at all."""
    return ("cuda",) if form == REPLAYED and "cuda" in options.providers else options.providers


def _generates(folder: Path, exported: bool) -> bool:
    record = folder / REPORT_NAME
    if exported and record.is_file():
        return bool(read_json(record).get("form") == "generation")
    return family_of(load_config(folder)) in ("encoder_decoder", "decoder")


def _form_of_export(folder: Path) -> str:
    """Of the graph that is run: in the layout of browsers that is the float32 one, which has the other beside it."""
    if (folder / "onnx" / "model.onnx").is_file() and not (folder / "model.onnx").is_file():
        return "fp32"
    record = folder / REPORT_NAME
    return str((read_json(record).get("precision") if record.is_file() else None) or "fp32")


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


def _with_graphs(entry: Entry, maker: GraphMaker) -> Entry:
    if entry.graphs is not None or entry.form in IN_PYTORCH:
        return entry
    return replace(entry, graphs=maker.graphs(entry.model, entry.form))


def _check_alike(entries: Sequence[Entry]) -> None:
    kinds = {entry.generates for entry in entries}
    if len(kinds) > 1:
        raise UserError(
            "Models that are timed together must all label, or all write text.",
            received=", ".join(f"'{entry.name}' {'writes' if entry.generates else 'labels'}" for entry in entries),
            cure="Time classifiers and generative models in runs of their own.",
        )
