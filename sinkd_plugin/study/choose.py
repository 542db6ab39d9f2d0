"""Which setting of each method goes to the test split: the one that scored best on the validation split."""

from __future__ import annotations

import itertools

from sinkd_plugin.study.cells import search_cells, settings
from sinkd_plugin.study.config import Changes, StudyConfig
from sinkd_plugin.study.store import Store

Choice = dict[tuple[str, str, str], Changes]
"""The setting of each (task, pair, method)."""


def choose(study: StudyConfig, store: Store) -> Choice:
    """The chosen settings, after all cells of the search have ended.

    Equal scores go to the setting that stands first. Where every setting failed the first is taken, so that the
    failure shows among the final cells too.
    """
    best: dict[tuple[str, str, str], tuple[float, Changes]] = {}
    for cell in search_cells(study):
        outcome = store.outcome(cell)
        if outcome is None or outcome.result is None:
            continue
        place = cell.task, cell.pair, cell.method
        score = outcome.result["student"]["test"][outcome.result["metric"]]
        if place not in best or score > best[place][0]:
            best[place] = score, cell.setting
    return {
        place: best[place][1] if place in best else settings(study, place[2])[0]
        for place in itertools.product(study.tasks, study.pairs, study.methods)
    }
