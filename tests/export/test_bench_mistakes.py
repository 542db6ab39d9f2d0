"""What cannot be timed is told before anything is made, loaded or timed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from sinkd_export.bench_command import command

QUICK = ("--shape", "1x8", "--rounds", "2", "--no-memory")


def refused(*words: str) -> str:
    done = CliRunner().invoke(command, words)
    assert done.exit_code != 0, done.stdout
    assert isinstance(done.exception, Exception)
    assert "Making" not in done.output  # no graph was made
    return str(done.exception)


@pytest.mark.parametrize("option", [("--samples", "4"), ("--max-length", "16"), ("--data-dir", ".")])
def test_options_of_a_task_need_a_task(option: tuple[str, str], exported: Path) -> None:
    name = option[0].removeprefix("--").replace("-", "_")
    assert f"{name} must come with a task (--task NAME)" in refused(str(exported), *QUICK, *option)


def test_options_that_no_model_heeds_are_refused(exported: Path, classifier: Path) -> None:
    assert "--form is for Transformers folders" in refused(str(exported), *QUICK, "--form", "eager,int8")
    assert "--new-tokens is for models that write text" in refused(str(classifier), *QUICK, "--new-tokens", "8")


@pytest.mark.parametrize("shape", ["100000000x8", "8x100000000", "1048577x1"])
def test_a_batch_out_of_all_proportion_is_refused(shape: str, exported: Path) -> None:
    told = refused(str(exported), "--shape", shape, "--rounds", "1", "--no-memory")
    assert f"a batch must hold at most 1,048,576 tokens, not {shape}" in told


def test_a_task_that_cannot_be_is_told_before_a_graph_is_made(classifier: Path) -> None:
    form = ("--form", "eager,fp32,int8")
    assert "nonsense" in refused(str(classifier), *QUICK, *form, "--task", "nonsense")
    assert "must have its labels: negative, positive" in refused(str(classifier), *QUICK, *form, "--task", "reviews")
    long = ("--task", "reviews", "--max-length", "9999")
    assert "--max-length must be at most" in refused(str(classifier), *QUICK, *form, *long)


@pytest.mark.parametrize("option", ["--output", "--report"])
def test_a_file_that_cannot_be_written_is_told_before_a_graph_is_made(
    option: str, classifier: Path, tmp_path: Path
) -> None:
    words = (str(classifier), *QUICK, "--form", "fp32", option)
    assert "must not be a folder" in refused(*words, str(tmp_path))
    (tmp_path / "file").touch()
    assert "must be writable" in refused(*words, str(tmp_path / "file" / "below.json"))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_graph_must_lie_in_an_export(exported: Path, tmp_path: Path) -> None:
    assert "must be a file" in refused(str(tmp_path / "model.onnx"), *QUICK)
    shutil.copyfile(exported / "model.onnx", tmp_path / "model.onnx")
    assert "no config.json beside or above it" in refused(str(tmp_path / "model.onnx"), *QUICK)


def test_one_graph_of_several_that_write_together_is_no_model(
    tmp_path: Path, save_generator: Callable[..., Path], export_folder: Callable[..., object]
) -> None:
    export_folder(save_generator(tmp_path / "gpt2", "gpt2"), tmp_path / "exported")
    graph = next((tmp_path / "exported").glob("*.onnx"))
    assert "timed with all of its graphs" in refused(str(graph), *QUICK)


def test_two_models_of_one_name_are_refused(classifier: Path, tmp_path: Path) -> None:
    other = tmp_path / f"{classifier.name}, fp32"
    other.symlink_to(classifier)
    told = refused(str(classifier), str(other), *QUICK, "--form", "eager,fp32")
    assert f"'{classifier.name}, fp32' twice" in told


@pytest.mark.parametrize("threads", ["0", "1025", "100000"])
def test_more_threads_than_a_machine_has_are_refused(threads: str, exported: Path) -> None:
    assert "'threads' must be" in refused(str(exported), *QUICK, "--threads", threads)


def test_files_of_a_model_are_not_written_over(exported: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(exported, tmp_path / "copy"))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for option in ("--output", "--report"):
        for name in ("model.onnx", "config.json", "README.md"):
            told = refused(str(folder), *QUICK, option, str(folder / name))
            assert "replace what an earlier run has written, and nothing else" in told
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    same = str(tmp_path / "same")
    assert "must be two files" in refused(str(folder), *QUICK, "--output", same, "--report", same)


def test_what_an_earlier_run_has_written_is_replaced(exported: Path, tmp_path: Path) -> None:
    words = [str(exported), *QUICK, "--output", str(tmp_path / "a.json"), "--report", str(tmp_path / "a.html")]
    for _ in range(2):
        assert CliRunner().invoke(command, words).exit_code == 0


@pytest.mark.parametrize(
    "content", ["[1]", '{"form": "nonsense", "precision": "fp32"}', '{"form": "classification", "precision": "int3"}']
)
def test_a_record_that_no_exporter_wrote_is_told(content: str, exported: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(exported, tmp_path / "copy"))
    (folder / "export.json").write_text(content, encoding="utf-8")
    assert "must be the exporter's record" in refused(str(folder), *QUICK)


def test_a_record_nested_too_deep_is_told(exported: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(exported, tmp_path / "copy"))
    (folder / "export.json").write_text("[" * 200_000, encoding="utf-8")
    assert "must be a readable JSON file" in refused(str(folder), *QUICK)
