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
    """Lets the other finders find TextBrewer, makes its loader register afterwards, and leaves."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != HOST:
            return None
        sys.meta_path.remove(self)  # or find_spec below would come back here
        spec = importlib.util.find_spec(fullname)
        if spec is None or spec.loader is None:
            sys.meta_path.insert(0, self)
            return None
        spec.loader.exec_module = partial(_execute_and_register, spec.loader.exec_module)  # type: ignore[method-assign]
        return spec


def _execute_and_register(execute: Callable[[ModuleType], None], module: ModuleType) -> None:
    """Load TextBrewer with its syntax warnings muted (it compares strings by identity), then register."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        execute(module)
    _register()
