"""Find plugins by their entry points and load them, so that one broken plugin never breaks the others."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points

import pluggy

from sinkd_plugin import hookspecs
from sinkd_plugin.hookspecs import PROJECT

CORE = "core"
"""Entry-point name of our own losses, architectures and tasks; loaded even under ``SINKD_PLUGINS``."""


@dataclass(frozen=True, kw_only=True)
class PluginInfo:
    """A plugin that was found, and what became of it.

    Args:
        name: Name of its entry point.
        distribution: Name of the installed distribution that brings it.
        version: Version of that distribution.
        failure: Why it did not load, or ``None``.
    """

    name: str
    distribution: str
    version: str
    failure: str | None


@dataclass(frozen=True, kw_only=True)
class LoadedPlugins:
    """The manager with every plugin that loaded, and the story of all that were found."""

    manager: pluggy.PluginManager
    plugins: tuple[PluginInfo, ...]

    @property
    def failures(self) -> tuple[PluginInfo, ...]:
        """The plugins that did not load."""
        return tuple(plugin for plugin in self.plugins if plugin.failure)


@lru_cache(maxsize=1)
def loaded_plugins() -> LoadedPlugins:
    """Load every plugin once per process.

    ``SINKD_PLUGINS=a,b`` restricts loading to the named entry points (and our own core).
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    infos = tuple(_load(manager, entry_point) for entry_point in _selected())
    manager.hook.sinkd_add_hookspecs(pm=manager)
    return LoadedPlugins(manager=manager, plugins=infos)


def _selected() -> list[EntryPoint]:
    found = {entry_point.name: entry_point for entry_point in entry_points(group=PROJECT)}
    found.setdefault(CORE, EntryPoint(name=CORE, value="sinkd_plugin.builtin", group=PROJECT))
    wanted = os.environ.get("SINKD_PLUGINS")
    names = {CORE, *wanted.split(",")} if wanted else set(found)
    return [found[name] for name in sorted(found) if name in names]


def _load(manager: pluggy.PluginManager, entry_point: EntryPoint) -> PluginInfo:
    failure = None
    try:
        manager.register(entry_point.load(), name=entry_point.name)
    except Exception as error:  # a plugin's import may raise anything; `sinkd plugins` shows what it was
        failure = f"{type(error).__name__}: {error}"
    distribution = entry_point.dist
    return PluginInfo(
        name=entry_point.name,
        distribution=distribution.name if distribution else "sinkd-plugin",
        version=distribution.version if distribution else "unknown",
        failure=failure,
    )
