"""What is printed is what was given, and every error says rule, received and cure."""

from __future__ import annotations

import json

import pytest

from sinkd_plugin import errors
from sinkd_plugin.console import note, print_json, progress


def test_json_comes_out_as_it_went_in(capsys: pytest.CaptureFixture[str]) -> None:
    data = {"path": "a/:smile:/[bold]x[/bold]", "long": "word " * 100, "letter": "λ\t\x1b", "number": 0.1}
    print_json(data)
    printed = capsys.readouterr()
    assert json.loads(printed.out) == data
    assert printed.out.isascii()
    assert printed.err == ""


def test_people_read_on_stderr_and_nothing_is_markup(capsys: pytest.CaptureFixture[str]) -> None:
    note("Scoring 'runs/[a]/:cat:'")
    with progress("Scoring 'runs/[b]/:cat:'", 3) as meter:
        meter.advance(loss=0.5)
    printed = capsys.readouterr()
    assert printed.err.splitlines() == ["Scoring 'runs/[a]/:cat:'", "Scoring 'runs/[b]/:cat:' (3 steps)"]
    assert printed.out == ""


def test_a_log_hears_now_and_then_how_far_it_has_come(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sinkd_plugin.console.SECONDS_BETWEEN_LINES", 0)
    with progress("Distilling", 4) as meter:
        meter.reach(2)
        meter.advance(loss=0.5, examples_per_second=123.4)
        meter.advance(loss=0.25)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Distilling (4 steps)"
    assert lines[1].startswith("Distilling: 3/4  loss 0.5  examples per second 123.4  ")
    assert lines[2] == "Distilling: 4/4  loss 0.25  0:00:00 left"


def test_an_error_is_rule_received_and_cure() -> None:
    error = errors.ConfigError("A must be B.", received="C", cure="Write B.")
    assert str(error) == "A must be B. Received: C. Write B."
    assert str(errors.ConfigError("A must be B.")) == "A must be B."


def test_exit_codes_say_whose_fault_it_is() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.SinkdError)]
    assert {kind.exit_code for kind in kinds if issubclass(kind, errors.UserError)} == {2}
    assert {kind.exit_code for kind in kinds if issubclass(kind, errors.WorldError)} == {1}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sinkhron", "No loss is called 'sinkhron'. Did you mean 'sinkhorn'? Known: kl, sinkhorn."),
        ("zzz", "No loss is called 'zzz'. Known: kl, sinkhorn."),
    ],
)
def test_an_unknown_name_suggests_only_what_looks_like_it(name: str, message: str) -> None:
    assert str(errors.unknown_name("loss", name, ["sinkhorn", "kl"])) == message
