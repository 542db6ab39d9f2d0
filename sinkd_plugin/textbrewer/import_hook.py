"""Register our losses in TextBrewer as soon as it is imported, be it before or after this package."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

HOST = "textbrewer"


def register_when_imported() -> None:
    """Register now if TextBrewer is there, else the moment it is imported; calling it again changes nothing."""
    if HOST in sys.modules:
        _register()
    elif not any(isinstance(finder, _HostFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _HostFinder())


def _register() -> None:
    from sinkd_plugin.textbrewer.registration import register

    register()


class _HostFinder(MetaPathFinder):
    """Lets the other finders find TextBrewer, and makes its loader register afterwards."""

    def __init__(self) -> None:
        self._searching = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != HOST or self._searching:
            return None
        self._searching = True  # or the search below would come back here
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._searching = False
        if spec is None or spec.loader is None:
            return None
        spec.loader.exec_module = partial(self._execute, spec.loader.exec_module)  # type: ignore[method-assign]
        return spec

    def _execute(self, execute: Callable[[ModuleType], None], module: ModuleType) -> None:
        """Load TextBrewer with its syntax warnings muted (it compares strings by identity), register, and leave."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            execute(module)
        _register()
        if self in sys.meta_path:  # only now: looking for a spec is not yet an import
            sys.meta_path.remove(self)
