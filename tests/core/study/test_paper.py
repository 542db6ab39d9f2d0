"""The paper's tables hold the study's numbers where they belong, and nothing where nothing was run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sinkd_plugin.study.config import StudyConfig
from sinkd_plugin.study.paper import EMPTY, PaperTable, paper_tables
from sinkd_plugin.study.rows import Row

MakeRow = Callable[..., Row]
MakeStudy = Callable[..., StudyConfig]


def cell(table: PaperTable, row: str, column: str) -> str:
    line = next(line for line in table.lines if line[0] == row)
    return line[table.header.index(column)]


def by_number(tables: list[PaperTable]) -> dict[int, PaperTable]:
    return {table.number: table for table in tables}


def test_all_nine_tables_are_there_though_nothing_was_run(make_study: MakeStudy) -> None:
    tables = paper_tables(make_study(), [])
    assert [table.number for table in tables] == list(range(1, 10))
    assert all(text == EMPTY for table in tables for line in table.lines for text in line[1:])


def test_a_cell_is_mean_and_deviation_over_seeds_in_points(make_study: MakeStudy, make_row: MakeRow) -> None:
    rows = [make_row(seed=seed, score=score, teacher=0.7) for seed, score in enumerate([0.4, 0.5, 0.6])]
    rows.append(make_row(method="sinkd", score=0.55, teacher=0.7))
    table = by_number(paper_tables(make_study(), rows))[1]
    assert cell(table, "KL", "CoLA") == "50.0 ± 10.0"
    assert cell(table, "KL + SinKD", "CoLA") == "55.0"
    assert cell(table, "Teacher", "CoLA") == "70.0 ± 0.0"
    assert cell(table, "Student, CE only", "CoLA") == EMPTY
    assert cell(table, "KL", "RTE") == EMPTY


def test_a_task_that_the_paper_does_not_have_gets_a_column_of_its_own(make_study: MakeStudy, make_row: MakeRow) -> None:
    rows = [make_row(task="films", benchmark="reviews", score=0.8)]
    tables = by_number(paper_tables(make_study(tasks={"films": {}}), rows))
    assert cell(tables[1], "KL", "reviews") == "80.0"
    assert cell(tables[3], "KL", "reviews") == "80.0"


def test_each_pair_has_a_table_and_each_family_its_own(make_study: MakeStudy, make_row: MakeRow) -> None:
    rows = [
        make_row(pair="small", score=0.3),
        make_row(pair="large", score=0.4),
        make_row(pair="t5", score=0.6, architecture="encoder-decoder", benchmark="superglue/cb"),
    ]
    study = make_study(pairs={"small": {}, "large": {}, "t5": {}})
    tables = paper_tables(study, rows)
    first = {table.title.rpartition(", ")[2]: table for table in tables if table.number == 1}
    assert cell(first["small"], "KL", "CoLA") == "30.0"
    assert cell(first["large"], "KL", "CoLA") == "40.0"
    eighth = {table.title.rpartition(", ")[2]: table for table in tables if table.number == 8}
    assert cell(eighth["t5"], "KL", "CB") == "60.0"


@pytest.mark.parametrize(
    "change", [{"split": "validation"}, {"ablation": "lambda"}, {"score": None, "status": "failed"}]
)
def test_only_scores_of_the_test_split_count(
    make_study: MakeStudy, make_row: MakeRow, change: dict[str, object]
) -> None:
    assert cell(by_number(paper_tables(make_study(), [make_row(**change)]))[1], "KL", "CoLA") == EMPTY


def test_tables_of_varied_keys_have_a_row_for_each_value(make_study: MakeStudy, make_row: MakeRow) -> None:
    key = "distillation.sinkd.iterations"
    varied = {"sweeps": {"methods": ["sinkd"], "key": key, "values": [5, 20, 50], "title": "T", "paper": "Table 5"}}
    about = {"method": "sinkd", "ablation": "sweeps", "split": "validation"}
    rows = [make_row(**about, setting=f'{{"{key}": {value}}}', score=value / 100) for value in (5, 20)]
    rows.append(make_row(ablation="sweeps", split="validation"))
    table = by_number(paper_tables(make_study(ablations=varied), rows))[5]
    assert table.header[0] == "T"
    assert [cell(table, value, "CoLA") for value in ("5", "20", "50")] == ["5.0", "20.0", EMPTY]
