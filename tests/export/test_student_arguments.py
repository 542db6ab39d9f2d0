"""Every argument that cannot be is refused in one sentence, before anything is computed."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sinkd_export.runtime import Student
from sinkd_plugin.errors import ModelReferenceError, UserError

NO_COUNTS = ["2", None, 1.5, 2.0, True, False, 0, -1, [2], float("nan"), float("inf"), np.float32(2), np.bool_(True)]
"""What counts nothing; numpy's whole numbers do."""


@pytest.fixture(scope="module")
def student(exported: Path) -> Student:
    return Student.load(exported)


def refused(name: str, value: object) -> str:
    """The whole message."""
    return f"{name} must be a whole number, at least 1. Received: {value!r}."


@pytest.mark.parametrize("value", NO_COUNTS)
def test_sizes_are_whole_numbers(student: Student, value: Any) -> None:
    for predict in (student.predict, student.predict_stream):
        with pytest.raises(UserError) as told:
            predict(["film"], batch_size=value)
        assert str(told.value) == refused("batch_size", value)
    with pytest.raises(UserError) as told:
        student.predict_stream(["film"], window=value)
    assert str(told.value) == refused("window", value)


@pytest.mark.parametrize("name", ["threads", "max_length"])
@pytest.mark.parametrize("value", [value for value in NO_COUNTS if value is not None])
def test_limits_are_whole_numbers(exported: Path, name: str, value: Any) -> None:
    with pytest.raises(UserError) as told:
        Student.load(exported, **{name: value})
    assert str(told.value) == refused(name, value)


@pytest.mark.parametrize("size", [np.int64(2), np.uint8(2), sys.maxsize + 1, 10**30])
def test_any_whole_number_will_do(student: Student, size: int) -> None:
    texts = ["film", "good film", "the film"]
    assert len(student.predict(texts, batch_size=size)) == 3
    assert len(list(student.predict_stream(texts, batch_size=size, window=size))) == 3


def test_numpys_numbers_are_limits_too(exported: Path) -> None:
    student = Student.load(exported, threads=np.int64(1), max_length=np.int32(8))
    assert student.tokens.max_length == 8


@pytest.mark.parametrize("threads", [1025, 10**12, 10**30])
def test_more_threads_than_a_machine_has_are_refused(exported: Path, threads: int) -> None:
    with pytest.raises(UserError, match=rf"^threads must be at most 1024\. Received: {threads}\.$"):
        Student.load(exported, threads=threads)


@pytest.mark.parametrize("folder", [None, 5, b"exported", ["exported"]])
def test_a_folder_is_a_path(folder: Any) -> None:
    with pytest.raises(UserError) as told:
        Student.load(folder)
    assert str(told.value) == f"folder must be the path of an exported student. Received: {folder!r}."


@pytest.mark.parametrize("folder", ["x" * 5000, "a\0b", "\ud800"])
def test_a_folder_that_cannot_be_is_refused(folder: str) -> None:
    with pytest.raises(ModelReferenceError, match="An exported student must"):
        Student.load(folder)


@pytest.mark.parametrize("provider", [None, 5, ["cpu"], "CPU", ""])
def test_a_provider_is_one_of_those_there_are(exported: Path, provider: Any) -> None:
    with pytest.raises(
        UserError, match=r"provider must be one that the installed onnxruntime has\. Received: .* of .*cpu"
    ):
        Student.load(exported, provider=provider)


@pytest.mark.parametrize(
    "file",
    [
        5,
        b"model.onnx",
        "",
        ".",
        "..",
        "../other/model.onnx",
        "onnx/../../other/model.onnx",
        Path("../other/model.onnx"),
    ],
)
def test_a_graph_of_another_folder_is_refused(exported: Path, tmp_path: Path, file: Any) -> None:
    for name in ("one", "other"):
        shutil.copytree(exported, tmp_path / name)
    with pytest.raises(UserError) as told:
        Student.load(tmp_path / "one", file=file)
    assert str(told.value) == (
        f"file must be a path inside the exported folder, such as onnx/model.onnx. Received: {file!r}. "
        "To run a graph of another folder, load that folder."
    )


def test_an_absolute_path_is_refused_even_of_its_own_graph(exported: Path) -> None:
    with pytest.raises(UserError, match="file must be a path inside the exported folder"):
        Student.load(exported, file=str(exported.resolve() / "model.onnx"))


def test_a_name_that_no_file_can_have_is_refused(exported: Path) -> None:
    with pytest.raises(ModelReferenceError, match="An exported student must"):
        Student.load(exported, file="x" * 5000)


def test_links_may_lead_out_of_the_folder(exported: Path, tmp_path: Path) -> None:
    """A hub's cache is made of them."""
    (tmp_path / "snapshot").mkdir()
    for path in exported.iterdir():
        (tmp_path / "snapshot" / path.name).symlink_to(os.path.relpath(path, tmp_path / "snapshot"))
    expected = Student.load(exported).predict(["a good film"])
    for file in (None, "model.onnx", Path("model.onnx")):
        assert Student.load(tmp_path / "snapshot", file=file).predict(["a good film"]) == expected
