"""How loops are compiled, and where what was compiled is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba

from sinkd_plugin.storage import cache_folder

Function = TypeVar("Function", bound=Callable[..., Any])

# Sums may be taken in another order and a product be fused with a sum, which is what vector registers need. Never that
# there is no NaN or infinity: a NaN has to come out at the end.
_OPTIONS: dict[str, Any] = {"fastmath": {"reassoc", "contract", "nsz"}, "error_model": "numpy", "nogil": True}


def compiled(function: Function) -> Function:
    """Compile a function of arrays and numbers when it is first called with their types.

    The machine code is kept in the user's cache folder; where nothing can be written, each process compiles anew. It
    runs on one thread, so that no bit depends on their number.

    Args:
        function: Plain Python that numba understands.
    """
    before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(_FOLDER)
    try:
        result: Function = numba.njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # no folder that numba knows of can be written to
        result = numba.njit(**_OPTIONS)(function)
    finally:
        numba.config.CACHE_DIR = before
    return result


def _version() -> str:
    """A name that changes with any loop: by itself, numba sees a change of a function, but not of those it calls."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


_FOLDER = Path(numba.config.CACHE_DIR or cache_folder()) / "loops" / _version()
