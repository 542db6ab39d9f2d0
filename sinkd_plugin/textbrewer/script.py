"""Run a script of the user's with our losses known to TextBrewer, in this very process."""

from __future__ import annotations

import runpy
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from sinkd_plugin.errors import UserError
from sinkd_plugin.textbrewer.import_hook import register_when_imported


def run_script(script: str, arguments: Sequence[str]) -> None:
    """Run it as ``python SCRIPT ARGUMENTS`` would: ``sys.argv``, ``sys.path[0]``, ``__main__`` and the exit code.

    Args:
        script: Its path.
        arguments: What follows it.

    Raises:
        UserError: If there is no such file.
        SystemExit: As the script ends, with 1 after a traceback of its own where it raises.
    """
    if not Path(script).is_file():
        raise UserError(
            "The script must be a file.", received=f"'{script}'", cure="Write: sinkd run SCRIPT [ARGUMENTS]."
        )
    register_when_imported()
    sys.argv = [script, *arguments]
    sys.path[0:1] = [str(Path(script).resolve().parent)]
    try:
        runpy.run_path(script, run_name="__main__")
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as error:
        _show(error, script)
        raise SystemExit(1) from None


def _show(error: BaseException, script: str) -> None:
    """The traceback from the script's own first line on, without the frames that started it."""
    frames = error.__traceback__
    while frames is not None and not _is(frames.tb_frame.f_code.co_filename, script):
        frames = frames.tb_next
    sys.stderr.write("".join(traceback.format_exception(error.with_traceback(frames))))


def _is(name: str, script: str) -> bool:
    return Path(name).exists() and Path(name).samefile(script)
