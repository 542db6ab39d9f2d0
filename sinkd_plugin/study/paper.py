"""The tables of the paper in its own layout, filled with what a study has run; the rest stays visibly empty.

Rows are methods and columns tasks. Where the paper prints one number, the best of a run on the development set, here
stand mean and standard deviation over seeds of a test that was scored once. The paper's rows of other published methods
are left out. Methods of a study appear under the names that ``studies/`` gives them.

Reference: Cui et al., Sinkhorn Distance Minimization for Knowledge Distillation, arXiv 2402.17110, Tables 1-9.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sinkd_plugin.study.ablation import ablation_points, value_name
from sinkd_plugin.study.config import StudyConfig
from sinkd_plugin.study.rows import Row
from sinkd_plugin.study.statistics import Summary, summarise

EMPTY = "–"

GLUE = {
    "MNLI-m": "glue/mnli",
    "SST-2": "glue/sst2",
    "QNLI": "glue/qnli",
    "MRPC": "glue/mrpc",
    "QQP": "glue/qqp",
    "RTE": "glue/rte",
    "CoLA": "glue/cola",
}
SUPERGLUE = {"CB": "superglue/cb", "RTE": "superglue/rte"}

TEACHER = "teacher"
_MAIN = {
    "Teacher": TEACHER,
    "Student, CE only": "ce",
    "KL": "kl",
    "KL + SinKD": "sinkd",
}


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A table of the paper that compares methods.

    Args:
        title: What it shows.
        methods: Name of a study's method by the label of its row.
        columns: Name of a task by the label of its column.
        family: Of the models.
    """

    title: str
    methods: dict[str, str]
    columns: dict[str, str]
    family: str = "encoder"


LAYOUTS = {
    1: Layout(title="Methods on GLUE", methods=_MAIN, columns=GLUE),
    2: Layout(
        title="Terms of the loss",
        methods={"CE": "ce", "CE + KL": "kl", "CE + SinKD": "sinkd-without-kl", "CE + KL + SinKD": "sinkd"},
        columns=GLUE,
    ),
    3: Layout(
        title="Sample-wise against batch-wise",
        methods={"KL": "kl", "Sample-wise (Eqs. 8–12)": "sample", "Batch-wise (Eq. 13)": "sinkd"},
        columns=GLUE,
    ),
    4: Layout(
        title="Divergences",
        methods={
            "KL": "kl",
            "KL + reverse KL": "reverse-kl",
            "KL + JS": "js",
            "KL + TVD": "tvd",
            "KL + SinKD": "sinkd",
        },
        columns=GLUE,
    ),
    8: Layout(title="Encoder-decoder on SuperGLUE", methods=_MAIN, columns=SUPERGLUE, family="encoder-decoder"),
    9: Layout(title="Decoder on SuperGLUE", methods=_MAIN, columns=SUPERGLUE, family="decoder"),
}
_VARIED = {5: "Sweeps T", 6: "Batch size", 7: "Temperature τ_KL"}


@dataclass(frozen=True, kw_only=True)
class PaperTable:
    """A table as text.

    Args:
        number: In the paper.
        title: What it shows, and for which pair.
        header: Of its columns.
        lines: Its rows; none where nothing of it has been run.
    """

    number: int
    title: str
    header: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]

    @property
    def filled(self) -> int:
        """How many cells have been run."""
        return sum(text != EMPTY for line in self.lines for text in line[1:])


def paper_tables(study: StudyConfig, rows: Sequence[Row]) -> list[PaperTable]:
    """Tables 1 to 9, in this order; those that compare methods once for each pair that the study names.

    Args:
        study: The study.
        rows: Of all its cells.
    """
    tables = [*_compared(study, rows), *_varied(study, rows)]
    return sorted(tables, key=lambda table: table.number)


def _compared(study: StudyConfig, rows: Sequence[Row]) -> Iterator[PaperTable]:
    final = [row for row in rows if row.split == "test" and not row.ablation]
    for number, layout in LAYOUTS.items():
        there = [row for row in final if row.architecture == layout.family]
        columns = _columns(layout.columns, there)
        for pair in study.pairs if there else [""]:
            own = [row for row in there if row.pair == pair]
            yield PaperTable(
                number=number,
                title=f"{layout.title}, {pair}" if pair else layout.title,
                header=("", *columns),
                lines=tuple(
                    (label, *(_cell(own, method, benchmark) for benchmark in columns.values()))
                    for label, method in layout.methods.items()
                ),
            )


def _columns(papers: dict[str, str], rows: Sequence[Row]) -> dict[str, str]:
    """The paper's columns, and after them the study's own tasks."""
    own = dict.fromkeys(row.benchmark for row in rows if row.benchmark not in papers.values())
    return {**papers, **{name: name for name in own}}


def _cell(rows: Sequence[Row], method: str, benchmark: str) -> str:
    there = [row for row in rows if row.benchmark == benchmark]
    if method == TEACHER:
        by_seed = {row.seed: row.teacher for row in there if row.teacher is not None}
    else:
        by_seed = {row.seed: row.score for row in there if row.method == method and row.score is not None}
    return _text(summarise(list(by_seed.values())) if by_seed else None)


def _text(scores: Summary | None) -> str:
    if scores is None:
        return EMPTY
    return f"{100 * scores.mean:.1f}" + ("" if scores.deviation is None else f" ± {100 * scores.deviation:.1f}")


def _varied(study: StudyConfig, rows: Sequence[Row]) -> Iterator[PaperTable]:
    for number, title in _VARIED.items():
        names = [name for name, ablation in study.ablations.items() if ablation.paper == f"Table {number}"]
        found = [table for name in names for table in _ablation_tables(study, rows, name, number, title)]
        yield from found or [PaperTable(number=number, title=title, header=("", *GLUE), lines=())]


def _ablation_tables(
    study: StudyConfig, rows: Sequence[Row], name: str, number: int, title: str
) -> Iterator[PaperTable]:
    benchmarks = {row.task: row.benchmark for row in rows}
    points = [point for point in ablation_points(study, rows, name) if point.value is not None]
    for pair, method in dict.fromkeys((point.pair, point.method) for point in points):
        own = {
            (value_name(point.value), benchmarks[point.task]): point.scores
            for point in points
            if (point.pair, point.method) == (pair, method)
        }
        columns = {**GLUE, **{benchmark: benchmark for _, benchmark in own if benchmark not in GLUE.values()}}
        yield PaperTable(
            number=number,
            title=f"{title}: {study.title(method)}, {pair}, validation split",
            header=(study.ablations[name].title or name, *columns),
            lines=tuple(
                (value, *(_text(own.get((value, benchmark))) for benchmark in columns.values()))
                for value in map(value_name, study.ablations[name].values)
            ),
        )
