"""Keep the known noise of the export libraries off the user's terminal, and nothing else."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_export() -> Iterator[None]:
    """Silence the warnings that every export of optimum raises; verification judges the result instead."""
    from torch.jit import TracerWarning  # type: ignore[attr-defined]  # public, but missing from its __all__

    with quiet_loading(), quiet_logs(), warnings.catch_warnings():
        # optimum 2.1 uses torch's TorchScript exporter on purpose: its graphs run up to 20 % faster
        warnings.filterwarnings("ignore", "You are using the legacy TorchScript-based ONNX export", DeprecationWarning)
        warnings.filterwarnings("ignore", "The feature will be removed. Please remove usage", DeprecationWarning)
        # a sliced constant that is not folded only costs a node; MobileBERT has one
        warnings.filterwarnings("ignore", "Constant folding - Only steps=1 can be constant folded", UserWarning)
        # GPT-2's mask is indexed by positions, which are never negative
        warnings.filterwarnings("ignore", "Exporting aten::index operator of advanced indexing", UserWarning)
        # what a trace froze by mistake shows as a wrong value at another batch size or length
        warnings.filterwarnings("ignore", category=TracerWarning)
        yield


@contextmanager
def quiet_logs() -> Iterator[None]:
    """Hold back log lines: the optimizer and the quantizer call every guess an error, and most guesses are right."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(before)


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Hold back the log lines below errors, and the progress bars, of transformers and optimum."""
    import optimum.utils.logging as optimum_logging
    import transformers.utils.logging as transformers_logging

    levels = [(library, library.get_verbosity()) for library in (transformers_logging, optimum_logging)]
    bars = transformers_logging.is_progress_bar_enabled()
    for library, _ in levels:
        library.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        for library, level in levels:
            library.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()
