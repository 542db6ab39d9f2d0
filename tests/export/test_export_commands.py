"""The commands as a user types them, in real processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def sinkd(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sinkd_plugin", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=400)


def test_export_then_bench(classifier: Path, tmp_path: Path) -> None:
    """One JSON document on stdout, and no line of any library on stderr."""
    out = tmp_path / "out"
    done = sinkd("export", str(classifier), "--to", str(out), "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["folder"] == str(out)
    assert report["parity"] == json.loads((out / "export.json").read_text(encoding="utf-8"))["parity"]
    assert len(done.stderr.splitlines()) == 1
    assert "24 sentences" in done.stderr

    output = tmp_path / "bench.json"
    words = ("--shape", "1x8", "--rounds", "5", "--output", str(output))
    done = sinkd("bench", str(classifier), str(out), *words)
    assert done.returncode == 0, done.stderr
    assert "1.00x" in done.stdout
    assert json.loads(output.read_text(encoding="utf-8"))["measurements"][1]["latency_ms"]["n"] == 5
    expected = ("Warning: ", "Loading models ", "Timing ", "Peak measured", "Written: ", "out and classifier")
    assert all(line.startswith(expected) for line in done.stderr.splitlines()), done.stderr


def test_a_mistake_ends_with_one_sentence(classifier: Path, tmp_path: Path) -> None:
    done = sinkd("export", str(classifier), "--to", str(tmp_path / "out"), "--target", "onx")
    assert done.returncode == 2
    assert done.stderr == "Error: No export target is called 'onx'. Did you mean 'onnx'? Known: onnx, triton.\n"
    assert not (tmp_path / "out").exists()


def test_listing_imports_no_framework() -> None:
    script = """
import sys
from click.testing import CliRunner
from sinkd_plugin.cli.main import cli
from sinkd_export.targets import export_targets
for words in (["--help"], ["export", "--help"], ["bench", "--help"], ["serve", "--help"]):
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 0, result.output
    assert words == ["--help"] or f"sinkd {words[0]} " in result.output.split("Example", 1)[1]
assert export_targets().names() == ["onnx", "triton"]
heavy = {"torch", "transformers", "datasets", "onnx", "onnxruntime", "optimum"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", ["export", "bench", "serve"])
def test_commands_are_found_through_the_plugin(command: str) -> None:
    from sinkd_plugin.catalog import catalog

    entry = next(entry for entry in catalog().commands if entry.spec.name == command)
    assert entry.plugin == "export"
    assert entry.spec.load().name == command


@pytest.mark.parametrize("words", [("--samples", "0"), ("--samples", "-3"), ("--data-dir", "nowhere")])
def test_what_cannot_be_scored_on_is_refused(classifier: Path, tmp_path: Path, words: tuple[str, str]) -> None:
    done = sinkd("export", str(classifier), "--to", str(tmp_path / "out"), *words)
    assert done.returncode == 2, done.stderr
    assert not list(tmp_path.iterdir())
