"""``sinkd study --smoke`` on a study that ships: every method runs, and the report works in a browser, alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

STUDY = Path(__file__).parents[2] / "studies" / "reviews.yaml"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SCORE_COLUMN = 2

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("reviews_dir")]


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, object]]]:
    """The report of the smoke form, and its rows."""
    folder = tmp_path_factory.mktemp("study")
    words = [
        sys.executable,
        "-m",
        "sinkd_plugin",
        "study",
        str(STUDY),
        "--smoke",
        "--json",
        "--set",
        f"folder={folder}",
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "smoke" / "results" / "report.html", json.loads(done.stdout)


class FirstTable(HTMLParser):
    """The rows of the first table of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._inside = self._ended = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "tr" and not self._ended:
            self.rows.append([])
        self._inside = tag == "td" and not self._ended
        if self._inside:
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.rows[-1][-1] += data

    def handle_endtag(self, tag: str) -> None:
        self._inside = False
        self._ended |= tag == "table"


def shown(page: Path, clicks: int) -> list[list[str]]:
    """The first table as Chromium has it, without a network, after clicks on the head of its scores."""
    click = f'document.querySelector("table.sortable").querySelectorAll("th")[{SCORE_COLUMN}].click();'
    text = page.read_text(encoding="utf-8").replace("</body>", f"<script>{click * clicks}</script></body>")
    copy = page.with_name(f"clicked-{clicks}.html")
    copy.write_text(text, encoding="utf-8")
    offline = ["--host-resolver-rules=MAP * ~NOTFOUND", "--user-data-dir=" + str(page.parent / "chromium")]
    words = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", *offline, "--dump-dom", copy.as_uri()]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120)
    parser = FirstTable()
    parser.feed(done.stdout)
    return [row for row in parser.rows if row]


def test_every_method_of_the_shipped_study_runs(smoke: tuple[Path, list[dict[str, object]]]) -> None:
    _, rows = smoke
    assert {row["status"] for row in rows} == {"done"}, [row["error"] for row in rows if row["error"]]
    assert len({row["method"] for row in rows}) >= 14


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (see CONTRIBUTING.md)")
def test_the_report_sorts_in_a_browser_without_a_network(smoke: tuple[Path, list[dict[str, object]]]) -> None:
    page, _ = smoke
    as_written, falling, rising = (shown(page, clicks) for clicks in range(3))
    scores = [float(row[SCORE_COLUMN].split()[0]) for row in as_written]
    assert len(scores) >= 14
    assert [float(row[SCORE_COLUMN].split()[0]) for row in falling] == sorted(scores, reverse=True)
    assert [float(row[SCORE_COLUMN].split()[0]) for row in rising] == sorted(scores)
    assert sorted(falling) == sorted(rising) == sorted(as_written)
