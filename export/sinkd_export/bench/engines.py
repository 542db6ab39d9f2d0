"""Load an entry: PyTorch eager or compiled, or a graph in onnxruntime, for labels or for text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sinkd_export.bench.bound import bound_call
from sinkd_export.bench.cuda_graph import Replayed
from sinkd_export.bench.forms import REPLAYED
from sinkd_export.bench.inputs import Inputs

Compute = Callable[[Inputs], NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A loaded model.

    Args:
        compute: Inputs to logits ``(batch, labels)``, or to the ids of what was written ``(batch, new_tokens)``.
        prepare: Makes the call that is timed on some inputs; on a GPU they are put there beforehand.
    """

    compute: Compute
    prepare: Callable[[Inputs], Callable[[], object]]


def open_engine(
    model: Path, graph: Path | None, form: str, provider: str, *, threads: int, new_tokens: int, generates: bool
) -> Engine:
    """Load a model in one form on one provider.

    Args:
        model: Folder with the configuration.
        graph: A classifier's graph, or the folder of a generative model's; ``None`` in PyTorch.
        form: ``compile`` or, in PyTorch, anything else for eager; ``cudagraph`` or anything else in onnxruntime.
        provider: ``cpu``, ``cuda`` or ``tensorrt``.
        threads: Threads inside an operator of onnxruntime; torch's are set by the caller.
        new_tokens: What a generative model writes in a call.
        generates: Whether it writes text.

    Raises:
        UserError: If it is to be compiled or recorded and cannot be.
        SinkdError: Whatever loading it raises.
    """
    if generates:
        return _writer(model, graph, form, threads, new_tokens)
    if graph is None:
        return _torch_classifier(model, form, provider)
    if form == REPLAYED:
        replayed = Replayed(graph, threads=threads)
        return Engine(compute=replayed.compute, prepare=replayed.prepare)
    from sinkd_export.session import Classifier, open_session

    session = open_session(graph, threads=threads, provider=provider)
    classifier = Classifier(session)
    if provider == "cpu":  # binding gains nothing where everything lies in one memory
        return _simple(classifier)
    return Engine(compute=classifier, prepare=lambda inputs: bound_call(session, inputs, provider))


def _simple(compute: Compute) -> Engine:
    return Engine(compute=compute, prepare=lambda inputs: partial(compute, inputs))


def _torch_classifier(folder: Path, form: str, provider: str) -> Engine:
    from sinkd_export.bench.compiled import compiled
    from sinkd_export.model_folder import load_model
    from sinkd_export.torch_runner import TorchClassifier

    model: Any = load_model(folder).to(provider)
    runner = TorchClassifier(compiled(model) if form == "compile" else model, like=model)
    if provider == "cpu":
        return _simple(runner)
    return Engine(compute=runner, prepare=runner.on_device)


def _writer(folder: Path, graphs: Path | None, form: str, threads: int, new_tokens: int) -> Engine:
    from sinkd_export.bench.compiled import compiled
    from sinkd_export.families import family_of
    from sinkd_export.language_model import LanguageModel, open_language_model
    from sinkd_export.model_folder import load_config, load_model

    config = load_config(folder)
    family = family_of(config)
    if family is None:
        raise TypeError("a generative entry is of a known family")
    if graphs is not None:
        model = open_language_model(graphs, config, family, threads=threads)
    else:
        loaded = load_model(folder, family)
        if form == "compile":
            loaded.forward = compiled(loaded).forward
        model = LanguageModel(loaded, family)

    def write(inputs: Inputs) -> NDArray[np.int64]:
        return model.generate(inputs, new_tokens)

    return _simple(write)
