"""Find plugins by their entry points and load them, so that one broken plugin never breaks the others."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from inspect import signature
from typing import Any

import pluggy

from sinkd_plugin import hookspecs
from sinkd_plugin.errors import PluginError, SinkdError, nearest
from sinkd_plugin.hookspecs import PROJECT

CORE = "core"
"""Entry-point name of our own losses, architectures and tasks; loaded even under ``SINKD_PLUGINS``."""

OWN = "sinkd_plugin.builtin"
"""The module of that entry point, whatever a third party calls its own."""

DISTRIBUTION = "sinkd-plugin"
"""Our own distribution; its plugins keep their names against everyone's."""

VARIABLE = "SINKD_PLUGINS"
"""Environment variable that restricts loading."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class PluginInfo:
    """A plugin that was found, and what became of it.

    Args:
        name: Name of its entry point.
        distribution: Name of the installed distribution that brings it.
        version: Version of that distribution.
        failure: Why it did not load, or ``None``.
        has_rival: Whether it was left out because another distribution calls its plugin the same.
    """

    name: str
    distribution: str
    version: str
    failure: str | None
    has_rival: bool = False

    @property
    def title(self) -> str:
        """Its name, and its distribution where the name alone could mean another plugin."""
        return f"{self.name} of {self.distribution}" if self.has_rival else self.name


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
    found, absent = _selected()
    imported = [_import(entry_point, found) for entry_point in found]
    # every hook gets its specification before the first plugin is registered: pluggy would otherwise blame the room
    # that adds a hook for a plugin that implements it wrongly
    imported = [(_add_hookspecs(manager, info, plugin), plugin) for info, plugin in imported]
    infos = [_register(manager, info, plugin) for info, plugin in imported]
    return LoadedPlugins(manager=manager, plugins=tuple(infos + absent))


def announce(hook: str, **arguments: Any) -> None:
    """Call an event hook; a plugin that fails in it is told of in the log, and stops neither the others nor the run.

    Args:
        hook: Name of the hook.
        **arguments: What it receives.
    """
    for implementation in _in_turn(hook):
        try:
            _call(implementation, arguments)
        except Exception as error:  # a plugin's hook may raise anything, and what it is told of is already done
            where = (implementation.plugin_name, hook, type(error).__name__, error)
            logger.warning("Plugin '%s' failed in its hook %s: %s: %s", *where)
            logger.debug("Where it failed", exc_info=True)


def first_answer(hook: str, **arguments: Any) -> Any:
    """What the first plugin that answers a hook with more than ``None`` says; ``None`` if none does.

    Args:
        hook: Name of the hook.
        **arguments: What it receives.

    Raises:
        PluginError: If a plugin fails in it before another has answered.
    """
    for implementation in _in_turn(hook):
        try:
            answer = _call(implementation, arguments)
        except SinkdError:
            raise
        except Exception as error:
            raise PluginError(
                f"The plugin '{implementation.plugin_name}' failed in its hook {hook}.",
                received=f"{type(error).__name__}: {error}",
                cure=f"Leave it out with {VARIABLE}, or tell whoever wrote it.",
            ) from error
        if answer is not None:
            return answer
    return None


def _in_turn(hook: str) -> Sequence[pluggy.HookImpl]:
    """The implementations of a hook in pluggy's order: what was registered last comes first."""
    caller: pluggy.HookCaller = getattr(loaded_plugins().manager.hook, hook)
    return caller.get_hookimpls()[::-1]


def _call(implementation: pluggy.HookImpl, arguments: Mapping[str, Any]) -> Any:
    return implementation.function(*(arguments[name] for name in implementation.argnames))


def _selected() -> tuple[list[EntryPoint], list[PluginInfo]]:
    """The entry points to load, and what ``SINKD_PLUGINS`` names although nothing provides it."""
    found = list(entry_points(group=PROJECT))
    if not any(entry_point.value == OWN for entry_point in found):
        found.append(EntryPoint(name=CORE, value=OWN, group=PROJECT))
    found.sort(key=lambda entry_point: (entry_point.name, _distribution(entry_point)))
    wanted = {name.strip() for name in os.environ.get(VARIABLE, "").split(",")} - {""}
    if not wanted:
        return found, []
    known = {entry_point.name for entry_point in found}
    absent = [_absent(name, known) for name in sorted(wanted - known)]
    return [entry_point for entry_point in found if entry_point.name in {CORE, *wanted}], absent


def _absent(name: str, known: set[str]) -> PluginInfo:
    guess = nearest(name, known)
    suggestion = f"did you mean '{guess}'? " if guess else ""
    failure = f"{VARIABLE} names it, but no such plugin is installed; {suggestion}installed: {', '.join(sorted(known))}"
    logger.warning("Plugin '%s': %s", name, failure)
    return PluginInfo(name=name, distribution="–", version="–", failure=failure)


def _distribution(entry_point: EntryPoint) -> str:
    return entry_point.dist.name if entry_point.dist else DISTRIBUTION


def _is_ours(entry_point: EntryPoint) -> bool:
    return entry_point.value == OWN or _distribution(entry_point) == DISTRIBUTION


def _import(entry_point: EntryPoint, found: Sequence[EntryPoint]) -> tuple[PluginInfo, Any]:
    """A plugin and its module or object, which is ``None`` if there is a failure."""
    rivalry = _rivalry(entry_point, found)
    info = PluginInfo(
        name=entry_point.name,
        distribution=_distribution(entry_point),
        version=entry_point.dist.version if entry_point.dist else "unknown",
        failure=rivalry,
        has_rival=rivalry is not None,
    )
    if rivalry is not None:
        return info, None
    try:
        return info, entry_point.load()
    except (Exception, SystemExit) as error:  # a plugin's import may raise anything; `sinkd plugins` shows what it was
        return _failed(info, error), None


def _rivalry(entry_point: EntryPoint, found: Sequence[EntryPoint]) -> str | None:
    """Why a plugin's name keeps it out: of several of one name none is loaded, rather than one by chance."""
    claims = [other for other in found if other.name == entry_point.name]
    if len(claims) == 1 or _is_ours(entry_point):
        return None
    names = sorted(map(_distribution, claims))
    return f"{' and '.join(names)} each call a plugin '{entry_point.name}'; uninstall all but one"


def _add_hookspecs(manager: pluggy.PluginManager, info: PluginInfo, plugin: Any) -> PluginInfo:
    """Let a plugin add hooks of its own."""
    function = getattr(plugin, "sinkd_add_hookspecs", None)
    if function is None or not hasattr(function, f"{PROJECT}_impl"):  # pluggy's mark of an implementation
        return info
    try:
        function(**({"pm": manager} if "pm" in signature(function).parameters else {}))
    except Exception as error:  # one plugin's slip must not take the others along
        return _failed(info, error, "sinkd_add_hookspecs: ")
    return info


def _register(manager: pluggy.PluginManager, info: PluginInfo, plugin: Any) -> PluginInfo:
    """Register a plugin as a whole or not at all."""
    if plugin is None:
        return info
    try:
        manager.register(plugin, name=info.name)
    except Exception as error:  # pluggy refuses hooks with unknown arguments, and has then taken those before it
        if manager.has_plugin(info.name):
            manager.unregister(name=info.name)
        return _failed(info, error)
    return info


def _failed(info: PluginInfo, error: BaseException, where: str = "") -> PluginInfo:
    return replace(info, failure=info.failure or f"{where}{type(error).__name__}: {error}")
