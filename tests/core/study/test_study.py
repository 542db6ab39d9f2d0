"""A study from its file to its report, on real runs of a second each."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sinkd_plugin.errors import ConfigError
from sinkd_plugin.study.cells import final_cells, search_cells
from sinkd_plugin.study.choose import choose
from sinkd_plugin.study.config import StudyConfig
from sinkd_plugin.study.store import Outcome, Store
from sinkd_plugin.study.study import all_cells, load_study, report_study, run_study

WriteStudy = Callable[..., Path]


class Cells(HTMLParser):
    """The text of every table cell of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._inside = tag == "td"
        if self._inside:
            self.found.append("")

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.found[-1] += data

    def handle_endtag(self, tag: str) -> None:
        self._inside = False


def test_every_cell_has_ended_and_the_broken_method_is_shown(finished_study: StudyConfig) -> None:
    report, rows = report_study(finished_study, "sinkd study study.yaml")
    # 2 settings to choose from, 4 methods of 2 seeds, 2 values of the ablation on 2 seeds, the reference beside them
    assert len(rows) == 2 + 8 + 4 + 2
    assert {row.method for row in rows if row.status == "failed"} == {"broken"}
    assert all(row.status == "done" for row in rows if row.method != "broken")
    page = report.read_text(encoding="utf-8")
    parser = Cells()
    parser.feed(page)
    assert "2 failed" in parser.found
    assert "must be" in page or "finite" in page
    assert "KL + SinKD" in (finished_study.results / "report.md").read_text(encoding="utf-8")


def test_the_report_needs_no_other_file(finished_study: StudyConfig) -> None:
    report, _ = report_study(finished_study, "sinkd study study.yaml")
    page = report.read_text(encoding="utf-8")
    for outside in ("<link", "src=", "@import", "fetch("):
        assert outside not in page
    assert "<svg" in page


def test_raw_results_are_the_scores_of_the_runs(finished_study: StudyConfig) -> None:
    report_study(finished_study, "sinkd study study.yaml")
    store = Store(finished_study.folder)
    by_key = {cell.key: store.outcome(cell) for cell in all_cells(finished_study, store)}
    with (finished_study.results / "results.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            outcome = by_key[row["key"]]
            assert outcome is not None
            if outcome.result is not None:
                assert float(row["score"]) == outcome.result["student"]["test"]["accuracy"]
                assert outcome.result["scored_split"] == row["split"]


def test_settings_are_chosen_by_validation_and_the_test_split_is_seen_by_final_cells_only(
    finished_study: StudyConfig,
) -> None:
    store = Store(finished_study.folder)
    searched = search_cells(finished_study)
    assert {cell.split for cell in searched} == {"validation"}
    scores = {}
    for cell in searched:
        outcome = store.outcome(cell)
        assert outcome is not None
        assert outcome.result is not None
        scores[cell.setting["distillation.sinkd.weight"]] = outcome.result["student"]["test"]["accuracy"]
    chosen = choose(finished_study, store)["tiny", "two-layers", "sinkd"]
    assert scores[chosen["distillation.sinkd.weight"]] == max(scores.values())
    assert {cell.split for cell in final_cells(finished_study, choose(finished_study, store))} == {"test"}


def test_cells_of_a_seed_share_one_teacher(finished_study: StudyConfig) -> None:
    store = Store(finished_study.folder)
    results = [store.outcome(cell) for cell in all_cells(finished_study, store) if cell.seed == 0 and not cell.ablation]
    scores = {json.dumps(each.result["teacher"]["test"]) for each in results if each and each.result}
    assert len(scores) == 1
    assert not any((finished_study.folder / "runs").glob("*/student"))


def test_students_of_the_seed_that_is_kept_can_be_loaded(finished_study: StudyConfig) -> None:
    from transformers import AutoModelForSequenceClassification

    kept = finished_study.folder / "students" / "tiny" / "two-layers"
    assert {folder.name for folder in kept.iterdir()} == {"ce", "kl", "sinkd"}
    model = AutoModelForSequenceClassification.from_pretrained(kept / "sinkd")
    assert model.config.num_hidden_layers == 2


def test_every_figure_is_a_file_too(finished_study: StudyConfig) -> None:
    report_study(finished_study, "sinkd study study.yaml")
    figures = {path.name: path.read_text(encoding="utf-8") for path in (finished_study.results / "figures").iterdir()}
    assert set(figures) == {"tiny-two-layers.svg", "ablation-lambda.svg"}
    assert all(text.startswith("<svg") for text in figures.values())


def test_a_task_may_have_seeds_of_its_own(write_study: WriteStudy) -> None:
    study = load_study(write_study(tasks={"tiny": {}, "other": {}}, seeds_of={"other": [5, 6, 7]}))
    cells = final_cells(study, choose(study, Store(study.folder)))
    seeds = {task: {cell.seed for cell in cells if cell.task == task} for task in study.tasks}
    assert seeds == {"tiny": {0, 1}, "other": {5, 6, 7}}


def test_final_runs_go_seed_by_seed_so_that_the_first_ones_compare_all_methods(write_study: WriteStudy) -> None:
    study = load_study(write_study())
    cells = final_cells(study, choose(study, Store(study.folder)))
    assert {cell.method for cell in cells[: len(study.methods)]} == set(study.methods)


def test_a_second_call_runs_nothing(finished_study: StudyConfig, capsys: pytest.CaptureFixture[str]) -> None:
    run_study(finished_study)
    assert "left]" not in capsys.readouterr().err


def test_failed_cells_run_again_on_request_only(
    finished_study: StudyConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    run_study(finished_study, retry_failed=True)
    assert capsys.readouterr().err.count("Failed:") == 2


def test_two_processes_share_the_cells(write_study: WriteStudy) -> None:
    path = write_study(ablations={}, seeds=[0, 1, 2])
    words = [sys.executable, "-m", "sinkd_plugin", "study", str(path), "--workers", "2", "--json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert {row["status"] for row in rows} == {"done", "failed"}
    # every cell was begun exactly once, by one of the two
    assert done.stderr.count(" left] ") == len(rows)


def test_the_cell_of_a_killed_worker_is_taken_over(write_study: WriteStudy) -> None:
    path = write_study(ablations={}, methods={"kl": {"set": {"distillation.sinkd": None}}}, undistilled=None)
    words = [sys.executable, "-m", "sinkd_plugin", "study", str(path)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as worker:
        assert worker.stderr is not None
        next(line for line in worker.stderr if "left]" in line)
        worker.kill()
    study = load_study(path)
    run_study(study)
    _, rows = report_study(study, "sinkd study study.yaml")
    assert {row.status for row in rows} == {"done"}


def test_smoke_runs_a_smaller_study_in_folders_of_its_own(write_study: WriteStudy, tmp_path: Path) -> None:
    smoke = {"changes": {"data.max_train_samples": 24}, "seeds": [0], "methods": ["sinkd"]}
    small = load_study(write_study(smoke=smoke), smoke=True)
    assert small.folder == tmp_path / "work" / "smoke"
    assert set(small.methods) == {"sinkd", "kl", "ce"}
    assert set(small.pairs) == {"two-layers"}
    assert all(cell.config.data.max_train_samples == 24 for cell in all_cells(small, Store(small.folder)))


def test_an_equal_score_goes_to_the_setting_that_stands_first(write_study: WriteStudy) -> None:
    study = load_study(write_study())
    store = Store(study.folder)
    result = {"metric": "accuracy", "student": {"test": {"accuracy": 0.5}}}
    for cell in search_cells(study):
        store.finish(cell, Outcome(status="done", result=result, seconds=1.0, config=cell.resolved))
    assert choose(study, store)["tiny", "two-layers", "sinkd"] == {"distillation.sinkd.weight": 0.1}


def test_a_budget_smaller_than_the_grid_draws_from_it(write_study: WriteStudy) -> None:
    method = {"search": {"optimizer.learning_rate": [1e-4, 2e-4, 3e-4], "distillation.sinkd.weight": [0.1, 0.2]}}
    study = load_study(write_study(methods={"kl": method}, undistilled=None, search={"budget": 3}, ablations={}))
    cells = search_cells(study)
    assert len({cell.key for cell in cells}) == 3
    assert [cell.key for cell in search_cells(study)] == [cell.key for cell in cells]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reference": "none"}, "'reference' must be one of the methods"),
        ({"seeds": [0, 0]}, "'seeds': must be different"),
        ({"search": {"seed": 1}}, "none of the final seeds"),
        ({"methods": {"kl": {"set": {"distillation.sinkdd": {}}}}, "undistilled": None, "ablations": {}}, "sinkdd"),
        ({"seeds_of": {"big": [7]}}, "'seeds_of' must name tasks of the study, not 'big'"),
        ({"seeds_of": {"tiny": [7, 7]}}, "'seeds_of': must be different"),
        ({"seeds_of": {"tiny": [1000]}}, "none of the final seeds"),
        (
            {"ablations": {"x": {"methods": ["none"], "key": "optimizer.epochs", "values": [1, 2]}}},
            "'ablations.x.methods' must be one of the methods",
        ),
        ({"names": "x"}, "Unknown key 'names'. Did you mean 'name'"),
        ({"pairs": {}}, "'pairs'"),
    ],
)
def test_a_wrong_study_is_refused_before_anything_runs(
    write_study: WriteStudy, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load_study(write_study(**changes))
    assert not (tmp_path / "work").exists()
