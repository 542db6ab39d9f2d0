"""Write the reference of hooks and records into docs/plugins.md.

    python docs/plugin_reference.py

Everything between the two markers comes from the hooks' and the records' own signatures and docstrings.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import sinkd_export.hookspecs
import sinkd_plugin.hookspecs
from sinkd_export.specs import ExportTargetSpec, Runner
from sinkd_plugin import specs
from sinkd_plugin.hookspecs import PROJECT

PAGE = Path(__file__).parent / "plugins.md"
BEGIN, END = "<!-- reference:begin -->\n", "<!-- reference:end -->"

ROOMS = {"core": sinkd_plugin.hookspecs, "export": sinkd_export.hookspecs}
RECORDS = (
    specs.LossSpec,
    specs.ArchitectureSpec,
    specs.Question,
    specs.TaskSpec,
    specs.ZooSourceSpec,
    specs.ZooCard,
    ExportTargetSpec,
    specs.CommandSpec,
    specs.DistillationPlan,
)
PROTOCOLS = (specs.KdLoss, specs.Architecture, specs.Reader, Runner, specs.Distiller)


def reference() -> str:
    """The whole reference as Markdown."""
    parts = ["### Hooks", _hooks(), "### Records", *map(_record, RECORDS), "### What records build", _protocols()]
    return "\n\n".join(parts) + "\n"


def with_reference(page: str, text: str) -> str:
    """The page with ``text`` between the markers."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{text}{END}{after}"


def _hooks() -> str:
    rows = [
        (f"`{name}({', '.join(inspect.signature(hook).parameters)})`", room, *_kind(hook), _summary(hook))
        for room, module in ROOMS.items()
        for name, hook in _hooks_of(module)
    ]
    return _table(("hook", "of", "kind", "returns", "what for"), rows)


def _hooks_of(module: ModuleType) -> Iterator[tuple[str, Callable[..., Any]]]:
    return ((name, hook) for name, hook in vars(module).items() if hasattr(hook, f"{PROJECT}_spec"))


def _kind(hook: Callable[..., Any]) -> tuple[str, str]:
    """How a hook's answers are taken, and what it returns."""
    returned = str(inspect.signature(hook).return_annotation)
    if getattr(hook, f"{PROJECT}_spec")["firstresult"]:
        return "first answer", _code(returned)
    return ("event", "–") if returned == "None" else ("all answers", _code(returned))


def _record(record: type) -> str:
    meanings = _arguments(record)
    rows = [(f"`{field.name}`", _code(field.type), meanings[field.name]) for field in dataclasses.fields(record)]
    return f"**`{record.__name__}`**: {_summary(record)}\n\n" + _table(("field", "type", "meaning"), rows)


def _arguments(record: type) -> dict[str, str]:
    """The ``Args`` of a record's docstring; a line that is indented deeper goes on with the one before."""
    _, _, text = (inspect.getdoc(record) or "").partition("Args:\n")
    entries = re.findall(r"^    (\w+): (.*(?:\n {6,}.*)*)", text, flags=re.MULTILINE)
    return {name: _inline(meaning) for name, meaning in entries}


def _protocols() -> str:
    rows = [
        (f"`{protocol.__name__}.{name}({_parameters(method)})`", _summary(method))
        for protocol in PROTOCOLS
        for name, method in vars(protocol).items()
        if inspect.isfunction(method) and method.__qualname__ == f"{protocol.__name__}.{name}"
    ]
    return _table(("method", "does"), rows)


def _parameters(method: Callable[..., Any]) -> str:
    parameters = list(inspect.signature(method).parameters.values())[1:]
    return ", ".join(str(parameter.replace(annotation=inspect.Parameter.empty)) for parameter in parameters)


def _summary(documented: Any) -> str:
    return _inline((inspect.getdoc(documented) or "").split("\n\n")[0])


def _inline(text: str) -> str:
    return " ".join(text.split()).replace("``", "`").replace("|", "\\|")


def _code(annotation: Any) -> str:
    return f"`{annotation}`".replace("|", "\\|")


def _table(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in (headings, ("---",) * len(headings), *rows))


if __name__ == "__main__":
    PAGE.write_text(with_reference(PAGE.read_text(encoding="utf-8"), reference()), encoding="utf-8")
