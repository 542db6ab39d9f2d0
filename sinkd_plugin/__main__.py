"""``python -m sinkd_plugin`` is ``sinkd``; this is what torchrun starts."""

from sinkd_plugin.cli.main import main

main()
