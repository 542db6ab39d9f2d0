"""A provider that is not there is told, or required: the CPU never answers for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sinkd_export.bench.options import Shape, parse_numbers, shape_grid
from sinkd_export.bench.providers import available_providers, named_providers
from sinkd_export.bench_command import command
from sinkd_plugin.errors import UserError


def bench(*words: str) -> Result:
    return CliRunner().invoke(command, words)


def test_a_grid_of_batches_and_lengths() -> None:
    assert shape_grid(parse_numbers("1,8", "--batch"), parse_numbers("16", "--seq")) == (
        Shape(batch=1, length=16),
        Shape(batch=8, length=16),
    )


@pytest.mark.parametrize("text", ["", "0", "1,", "a", "1 8"])
def test_what_is_no_list_of_numbers_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="--batch must be whole numbers"):
        parse_numbers(text, "--batch")


@pytest.mark.parametrize("text", ["gpu", "cpu,cpu", ""])
def test_what_is_no_provider_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="--provider takes different ones of cpu, cuda, tensorrt"):
        named_providers(text)


@pytest.mark.skipif("cuda" in available_providers(), reason="this machine has a GPU")
def test_a_provider_that_is_not_there_is_told(exported: Path) -> None:
    done = bench(str(exported), "--provider", "cpu,cuda", "--batch", "1", "--seq", "8", "--rounds", "2", "--json")
    assert done.exit_code == 0
    report = json.loads(done.stdout)
    assert report["unavailable_providers"] == ["cuda"]
    assert [found["model"] for found in report["measurements"]] == ["exported"]


@pytest.mark.skipif("cuda" in available_providers(), reason="this machine has a GPU")
def test_a_required_provider_must_be_there(exported: Path) -> None:
    done = bench(str(exported), "--require", "cuda")
    assert isinstance(done.exception, UserError)
    assert "'cuda' is required" in str(done.exception)
    only = bench(str(exported), "--provider", "cuda", "--rounds", "1")
    assert "One of the providers must be there" in str(only.exception)


def test_shape_and_grid_exclude_each_other(exported: Path) -> None:
    assert "either --shape, or --batch and --seq" in str(bench(str(exported), "--shape", "1x8", "--seq", "8").exception)
