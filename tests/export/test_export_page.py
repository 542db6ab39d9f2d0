"""What export/README.md says of predicting and serving is what runs."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from sinkd_export.own_sentences import OWN_SENTENCES
from sinkd_export.serve.options import ServeOptions
from sinkd_export.serve.question import read_question
from sinkd_plugin.cli.main import cli

ROOT = Path(__file__).parents[2]
README = (ROOT / "export" / "README.md").read_text(encoding="utf-8")
RECORD = json.loads((ROOT / "export" / "results" / "serve.json").read_text(encoding="utf-8"))
SERVE = ROOT / "export" / "sinkd_export" / "serve"


def section(title: str) -> str:
    return README.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_the_lines_of_predict_run(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(exported, tmp_path / "exported")
    (tmp_path / "reviews.txt").write_text("\n".join(OWN_SENTENCES), encoding="utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", section("Predict"), flags=re.DOTALL)
    exec(program, {})
    assert len(capsys.readouterr().out.splitlines()) == len(OWN_SENTENCES)


def test_the_request_of_serve_is_one() -> None:
    (body,) = re.findall(r"curl -d '(.*?)'", section("Serve"))
    assert len(read_question(body.encode(), ServeOptions()).items) == 2


def test_the_table_of_serve_holds_every_refusal() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in SERVE.glob("*.py"))
    raised = set(re.findall(r'RefusalError\(\s*(4\d\d), "(\w+)"', code))
    rows = re.findall(r"^\| (4\d\d) \|.*\| (.*) \|$", section("Serve"), flags=re.MULTILINE)
    told = {(status, name) for status, names in rows for name in re.findall(r"`(\w+)`", names)}
    assert told == raised


def test_the_options_of_serve_exist() -> None:
    help_text = CliRunner().invoke(cli, ["serve", "--help"]).output
    for option in set(re.findall(r"`(--[a-z-]+)", section("Serve"))):
        assert option in help_text, option


def test_the_figures_of_serve_are_those_of_the_record() -> None:
    text = section("Serve")
    for case in RECORD["cases"]:
        cells = (written(case["ratio"][name]) for name in ("texts_per_second", "p50", "p99"))
        row = f"| {case['clients']} × {case['texts_per_request']} | {' | '.join(cells)} |"
        assert row in text, row
    faster = RECORD["padding"]["times_faster_than_alone"]
    assert f"{faster['near lengths']:.2f} times as fast in batches of about one length" in text
    assert f"{faster['any lengths']:.2f} times as fast all together" in text
    assert RECORD["command"] in text


def written(ratio: Mapping[str, float]) -> str:
    return f"{ratio['median']:.2f} ({ratio['low']:.2f}–{ratio['high']:.2f})"
