"""What the loaded plugins offer, as tables by name."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Generic, Protocol, TypeVar, get_args, get_type_hints

import pluggy

from sinkd_plugin.errors import PluginError, unknown_name
from sinkd_plugin.plugins import loaded_plugins
from sinkd_plugin.specs import ArchitectureSpec, CommandSpec, LossSpec, TaskSpec, ZooSourceSpec

logger = logging.getLogger(__name__)


class Named(Protocol):
    """A record with a name and a one-line summary."""

    @property
    def name(self) -> str:
        """The name it is called by."""
        ...

    @property
    def summary(self) -> str:
        """One line about it."""
        ...


SpecT = TypeVar("SpecT", bound=Named)


@dataclass(frozen=True, kw_only=True)
class Entry(Generic[SpecT]):
    """A record and the plugin that brought it."""

    spec: SpecT
    plugin: str


class Table(Generic[SpecT]):
    """Records of one kind by name; a name that two plugins claim is an error when, and only when, it is used."""

    def __init__(self, kind: str, entries: list[Entry[SpecT]], failed: Mapping[str, str]) -> None:
        self._kind = kind
        self._failed = failed
        self._entries: defaultdict[str, list[Entry[SpecT]]] = defaultdict(list)
        for entry in entries:
            self._entries[entry.spec.name].append(entry)

    @property
    def failures(self) -> Mapping[str, str]:
        """Plugins that brought nothing to this table because they failed, and why."""
        return self._failed

    def __iter__(self) -> Iterator[Entry[SpecT]]:
        """The entries in the order of their names."""
        return (entry for name in sorted(self._entries) for entry in self._entries[name])

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self._entries)

    def get(self, name: str) -> SpecT:
        """The record called ``name``.

        Raises:
            UnknownNameError: If no plugin provides it.
            PluginError: If more than one does.
        """
        claims = self._entries.get(name, [])
        if not claims:
            note = (
                f"These plugins failed to load: {', '.join(self._failed)} (see `sinkd plugins`)."
                if self._failed
                else ""
            )
            raise unknown_name(self._kind, name, self._entries, note)
        if len(claims) > 1:
            raise PluginError(
                f"A {self._kind} must come from one plugin.",
                received=f"'{name}' from {' and '.join(sorted(claim.plugin for claim in claims))}",
                cure="Uninstall one of them, or choose with SINKD_PLUGINS.",
            )
        return claims[0].spec

    def clashes(self) -> dict[str, list[str]]:
        """Names that more than one plugin claims, with those plugins."""
        return {
            name: sorted(entry.plugin for entry in entries)
            for name, entries in self._entries.items()
            if len(entries) > 1
        }


class Catalog:
    """Every table of the core, filled when it is first asked for; a room with hooks of its own calls ``table``."""

    @cached_property
    def losses(self) -> Table[LossSpec]:
        """Losses by the name that ``kd_loss_type`` says."""
        return table("loss", "sinkd_losses")

    @cached_property
    def architectures(self) -> Table[ArchitectureSpec]:
        """Model families."""
        return table("architecture", "sinkd_architectures")

    @cached_property
    def tasks(self) -> Table[TaskSpec]:
        """Tasks by the name that ``task:`` says."""
        return table("task", "sinkd_tasks")

    @cached_property
    def zoo_sources(self) -> Table[ZooSourceSpec]:
        """Where students come from."""
        return table("zoo source", "sinkd_zoo_sources")

    @cached_property
    def commands(self) -> Table[CommandSpec]:
        """Commands of the command line."""
        return table("command", "sinkd_commands")


@lru_cache(maxsize=1)
def catalog() -> Catalog:
    """The catalog of this process."""
    return Catalog()


def table(kind: str, hook: str) -> Table[Any]:
    """The table of the records that a collecting hook returns.

    Args:
        kind: What the records are called in messages.
        hook: Name of the hook.
    """
    loaded = loaded_plugins()
    caller: pluggy.HookCaller = getattr(loaded.manager.hook, hook)
    record = _record_type(caller)
    entries: list[Entry[Any]] = []
    failed = {plugin.title: plugin.failure or "" for plugin in loaded.failures}
    for implementation in caller.get_hookimpls():
        try:
            entries += _entries(implementation, record)
        except Exception as error:  # a plugin's hook may raise anything; the others must still be found
            failed[implementation.plugin_name] = f"{hook}: {type(error).__name__}: {error}"
            logger.warning("Plugin '%s' failed in its hook %s: %s", implementation.plugin_name, hook, error)
            logger.debug("Where it failed", exc_info=True)
    return Table(kind, entries, failed)


def _record_type(caller: pluggy.HookCaller) -> type:
    """What a hook's own annotation, ``Sequence[Record]``, says that it returns."""
    try:
        (record,) = get_args(get_type_hints(caller.spec.function)["return"]) if caller.spec else (object,)
    except (KeyError, NameError, ValueError):
        return object  # a room may annotate its hooks as it likes
    return record if isinstance(record, type) else object


def _entries(implementation: pluggy.HookImpl, record: type) -> list[Entry[Any]]:
    records: Any = implementation.function()
    entries = [Entry(spec=spec, plugin=implementation.plugin_name) for spec in records]
    for entry in entries:
        if not isinstance(entry.spec, record):
            raise TypeError(f"it must return records of type {record.__name__}, not {entry.spec!r}")
        if not all(isinstance(getattr(entry.spec, field, None), str) for field in ("name", "summary")):
            raise TypeError(f"its records must have a name and a summary, not {entry.spec!r}")
    return entries
