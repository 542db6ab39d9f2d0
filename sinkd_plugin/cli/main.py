"""``sinkd``: finds its commands in the catalog, and turns errors into one message and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

import click

from sinkd_plugin.catalog import catalog
from sinkd_plugin.console import stderr
from sinkd_plugin.errors import SinkdError, UnknownNameError
from sinkd_plugin.extras import missing_extra
from sinkd_plugin.version import __version__

INTERRUPTED = 130
"""What shells expect of a program that Ctrl-C ended."""


class CatalogGroup(click.Group):
    """A group whose commands are the catalog's; listing them imports none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All command names."""
        return catalog().commands.names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        try:
            return catalog().commands.get(cmd_name).load()
        except UnknownNameError as error:
            raise click.UsageError(str(error)) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write names and summaries without loading the commands."""
        rows = [(entry.spec.name, entry.spec.summary) for entry in catalog().commands]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(
    cls=CatalogGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: sinkd distill examples/quickstart.yaml",
)
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error; works anywhere.")
@click.version_option(__version__, prog_name="sinkd")
def cli() -> None:
    """Distil, evaluate, export and time students with batch-wise optimal transport (SinKD)."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of ``sinkd``: exit code 0, 1 (the world's fault), 2 (the user's mistake) or 130 (Ctrl-C)."""
    if _which_process():
        # torch's C++ side would warn, in each process, that it looks for weights that take no part in a step
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    words = list(sys.argv[1:] if arguments is None else arguments)
    own = words[: _scripts_part(words)]
    sys.exit(_run([word for word in own if word != "--debug"] + words[len(own) :], "--debug" in own))


def _scripts_part(words: list[str]) -> int:
    """Where the words of the script begin that ``sinkd run`` starts: a ``--debug`` from there on is its own."""
    command = next((place for place, word in enumerate(words) if not word.startswith("-")), len(words))
    return command + 1 if words[command : command + 1] == ["run"] else len(words)


def _run(words: list[str], debug: bool) -> int:
    try:
        code = cli.main(words, prog_name="sinkd", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        stderr.print("Interrupted.", markup=False)
        return INTERRUPTED
    except Exception as error:
        return _report(error, debug)
    return code if isinstance(code, int) else 0


def _which_process() -> str:
    """Which of the processes that torchrun has started this is; nothing for a process by itself."""
    count = os.environ.get("WORLD_SIZE", "1")
    return "" if count == "1" else f" in process {os.environ.get('RANK', '0')} of {count}"


def _report(error: Exception, debug: bool) -> int:
    if debug:
        stderr.print("".join(traceback.format_exception(error)), markup=False)
    if isinstance(error, ModuleNotFoundError):
        error = missing_extra(error) or error
    where = _which_process()
    if isinstance(error, SinkdError):
        stderr.print(f"Error{where}: {error}", markup=False)
        return error.exit_code
    stderr.print(
        f"Error{where}: something that sinkd did not expect: {type(error).__name__}: {error}. "
        "Run again with --debug for the whole story.",
        markup=False,
    )
    return 1
