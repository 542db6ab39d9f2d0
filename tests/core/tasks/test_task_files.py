"""Users' own files: what is in them is what arrives, and what is wrong with them is said."""

import json
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sinkd_plugin.errors import DataError
from sinkd_plugin.options import validate
from sinkd_plugin.tasks.load import LoadedTask, load_task
from sinkd_plugin.tasks.options import DataOptions, FilesTask

datasets = pytest.importorskip("datasets")

Rows = Sequence[dict[str, Any]]
ROWS: Rows = [{"text": f"sentence number {row}", "label": ("good", "bad")[row % 2]} for row in range(40)]


def write_csv(path: Path, rows: Rows, separator: str = ",") -> Path:
    def quoted(value: Any) -> str:
        return '"' + str(value).replace('"', '""') + '"'

    lines = [separator.join(rows[0]), *(separator.join(map(quoted, row.values())) for row in rows)]
    path.write_bytes(("\n".join(lines) + "\n").encode())
    return path


def write_tsv(path: Path, rows: Rows) -> Path:
    return write_csv(path, rows, "\t")


def write_jsonl(path: Path, rows: Rows) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    return path


def write_json(path: Path, rows: Rows) -> Path:
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


def write_parquet(path: Path, rows: Rows) -> Path:
    datasets.Dataset.from_list(list(rows)).to_parquet(str(path))
    return path


WRITERS: dict[str, Callable[[Path, Rows], Path]] = {
    "csv": write_csv,
    "tsv": write_tsv,
    "jsonl": write_jsonl,
    "json": write_json,
    "parquet": write_parquet,
}


def load(folder: Path, data: DataOptions | None = None, seed: int = 0, **task: Any) -> LoadedTask:
    config = {"files": {"train": "train.csv"}, "text": "text", "label": "label", **task}
    return load_task(validate(FilesTask, config, "task"), data_dir=folder, data=data or DataOptions(), seed=seed)


def pairs(loaded: LoadedTask, split: str) -> list[tuple[str, str]]:
    names = loaded.spec.labels
    return [(text, names[label]) for (text,), label in zip(loaded.text(split), loaded.labels(split), strict=True)]


@pytest.mark.parametrize("suffix", WRITERS)
def test_every_format_gives_the_same_examples(tmp_path: Path, suffix: str) -> None:
    files = {split: f"{split}.{suffix}" for split in ("train", "validation", "test")}
    for name in files.values():
        WRITERS[suffix](tmp_path / name, ROWS)
    loaded = load(tmp_path, files=files)
    assert loaded.spec.labels == ("bad", "good")
    for split in files:
        assert pairs(loaded, split) == [(row["text"], row["label"]) for row in ROWS]
        assert loaded.indices(split) == list(range(len(ROWS)))
        assert set(loaded.splits[split].column_names) == {"text", "label", "index"}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(
        st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1).filter(str.strip),
        min_size=4,
        max_size=12,
        unique=True,
    )
)
def test_any_text_survives_a_csv_file(tmp_path: Path, texts: list[str]) -> None:
    rows = [{"text": text, "label": row % 2} for row, text in enumerate(texts)]
    write_csv(tmp_path / "train.csv", rows)
    files = dict.fromkeys(("train", "validation", "test"), "train.csv")
    assert [text for (text,) in load(tmp_path, files=files).text("train")] == texts


def test_words_that_parsers_take_for_missing_values_or_numbers_stay_text(tmp_path: Path) -> None:
    words = ["None", "null", "NA", "nan", "12", "1e3", "True", "007"]
    rows = [{"text": word, "label": row % 2} for row, word in enumerate(words)]
    write_csv(tmp_path / "train.csv", rows)
    files = dict.fromkeys(("train", "validation", "test"), "train.csv")
    assert [text for (text,) in load(tmp_path, files=files).text("test")] == words


def test_a_changed_file_is_read_again_even_with_its_old_time_and_size(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "train.csv", ROWS)
    before, stat = pairs(load(tmp_path), "train"), path.stat()
    write_csv(path, [{**row, "text": row["text"].replace("sentence", "SENTENCE")} for row in ROWS])
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert path.stat().st_size == stat.st_size
    after = pairs(load(tmp_path), "train")
    assert after
    assert set(after).isdisjoint(before)


def test_a_broken_file_that_is_repaired_is_read(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("text,label\na,1,2,3\n", encoding="utf-8")
    with pytest.raises(DataError):
        load(tmp_path)
    write_csv(tmp_path / "train.csv", ROWS)
    assert load(tmp_path).sizes["train"] > 0


def test_nothing_is_left_in_the_cache_folder_of_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    write_csv(tmp_path / "train.csv", ROWS)
    load(tmp_path)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("given_splits", "sizes"),
    [
        (("train",), {"train": 81, "validation": 9, "test": 10}),
        (("train", "validation"), {"train": 90, "validation": 10, "test": 100}),
        (("train", "test"), {"train": 90, "validation": 10, "test": 100}),
        (("train", "validation", "test"), {"train": 100, "validation": 100, "test": 100}),
    ],
)
def test_missing_splits_are_held_out_of_train(
    tmp_path: Path, given_splits: tuple[str, ...], sizes: dict[str, int]
) -> None:
    files = {}
    for split in given_splits:
        rows = [{"text": f"{split} {row}", "label": row % 2} for row in range(100)]
        files[split] = write_csv(tmp_path / f"{split}.csv", rows).name
    loaded = load(tmp_path, files=files)
    assert loaded.sizes == sizes
    texts = {split: set(loaded.text(split)) for split in sizes}
    assert len(texts["train"] | texts["validation"] | texts["test"]) == sum(sizes.values())
    assert all(text.startswith(given_splits[-1] if len(given_splits) > 1 else "train") for (text,) in texts["test"])


def test_the_splits_are_the_same_for_every_seed_and_order_of_rows(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", ROWS)
    (tmp_path / "other").mkdir()
    write_csv(tmp_path / "other" / "train.csv", ROWS[::-1])
    one, two = load(tmp_path, seed=1), load(tmp_path / "other", seed=2)
    for split in ("train", "validation", "test"):
        assert sorted(pairs(one, split)) == sorted(pairs(two, split))


def test_copies_of_a_text_are_held_out_together(tmp_path: Path) -> None:
    rows = [{"text": f"{'Word, ' if row % 3 else 'word '}{row // 5}", "label": row % 2} for row in range(200)]
    write_csv(tmp_path / "train.csv", rows)
    loaded = load(tmp_path)
    plain = {split: {text.lower().replace(",", "") for (text,) in loaded.text(split)} for split in loaded.sizes}
    assert not plain["train"] & plain["validation"]
    assert not plain["train"] & plain["test"]
    assert not plain["validation"] & plain["test"]


def test_subsets_are_seeded_nested_and_keep_their_index(tmp_path: Path) -> None:
    rows = [{"text": f"text {row}", "label": row % 2} for row in range(200)]
    files = dict.fromkeys(("train", "validation", "test"), write_csv(tmp_path / "train.csv", rows).name)

    def indices(limit: int, seed: int) -> list[int]:
        loaded = load(tmp_path, data=DataOptions(max_train_samples=limit), seed=seed, files=files)
        assert [text for (text,) in loaded.text("train")] == [f"text {row}" for row in loaded.indices("train")]
        assert loaded.sizes["test"] == 200
        return loaded.indices("train")

    assert indices(50, 0) == indices(50, 0)
    assert indices(50, 0) != indices(50, 1)
    assert set(indices(50, 0)) < set(indices(80, 0))
    assert indices(1000, 0) == list(range(200))


def test_duplicates_across_the_users_files_are_kept_and_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_csv(tmp_path / "train.csv", ROWS)
    write_csv(tmp_path / "test.csv", [{**row, "text": row["text"].upper() + "!"} for row in ROWS[:3]])
    with caplog.at_level(logging.WARNING):
        loaded = load(tmp_path, files={"train": "train.csv", "test": "test.csv"})
    assert loaded.sizes["train"] + loaded.sizes["validation"] == len(ROWS)
    assert "texts of 'test' are also in 'train'" in caplog.text


@pytest.mark.parametrize(
    ("values", "labels", "numbers"),
    [
        (["good", "bad"], ["bad", "good"], [1, 0]),
        (["0", "1"], ["bad", "good"], [0, 1]),
        (["1.0", "0.0"], ["bad", "good"], [1, 0]),
        (["1", "2"], ["1", "2"], [0, 1]),
        (["1", "0"], ["1", "0"], [0, 1]),
        (["-1", "1"], None, [0, 1]),
        (["10", "9"], None, [1, 0]),
        ([" good", "bad "], ["good", "bad"], [0, 1]),
    ],
)
def test_labels_are_names_or_numbers(
    tmp_path: Path, values: list[str], labels: list[str] | None, numbers: list[int]
) -> None:
    rows = [{"text": f"text {row}", "label": values[row % 2]} for row in range(4)]
    files = dict.fromkeys(("train", "validation", "test"), write_csv(tmp_path / "train.csv", rows).name)
    assert load(tmp_path, files=files, labels=labels).labels("train") == numbers * 2


@pytest.mark.parametrize("values", [[1, 0], [1.0, 0.0], [True, False]])
def test_typed_labels_of_json_are_numbers_too(tmp_path: Path, values: list[object]) -> None:
    rows = [{"text": f"text {row}", "label": values[row % 2]} for row in range(4)]
    files = dict.fromkeys(("train", "validation", "test"), write_jsonl(tmp_path / "train.jsonl", rows).name)
    assert load(tmp_path, files=files, labels=["no", "yes"]).labels("train") == [1, 0, 1, 0]


def test_label_names_that_a_parquet_file_declares_are_used(tmp_path: Path) -> None:
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])})
    table = datasets.Dataset.from_dict({"text": list("abcd"), "label": [1, 0, 1, 0]}, features=features)
    table.to_parquet(str(tmp_path / "train.parquet"))
    loaded = load(tmp_path, files=dict.fromkeys(("train", "validation", "test"), "train.parquet"))
    assert loaded.spec.labels == ("no", "yes")
    assert loaded.labels("train") == [1, 0, 1, 0]


def test_declared_names_that_look_like_numbers_are_not_mistaken_for_them(tmp_path: Path) -> None:
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["1", "2"])})
    table = datasets.Dataset.from_dict({"text": list("abcd"), "label": [1, 0, 1, 0]}, features=features)
    table.to_parquet(str(tmp_path / "train.parquet"))
    files = dict.fromkeys(("train", "validation", "test"), "train.parquet")
    assert load(tmp_path, files=files).labels("train") == [1, 0, 1, 0]
    assert load(tmp_path, files=files, labels=["2", "1"]).labels("train") == [0, 1, 0, 1]
    assert load(tmp_path, files=files, labels=["bad", "good"]).labels("train") == [1, 0, 1, 0]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["0.25", "3.5"], r"numbers with decimals are measurements\. Received: '0.25'.*task.kind to regression"),
        (["1", "2", "2.5"], r"Received: '2.5' in the column 'label'"),
        ([1.0, 2.5], r"Received: '2.5' in the column 'label'"),
        ([f"title {row}" for row in range(40)], r"40 different values in 40 rows.*task.target.*task.labels"),
        ([str(row) for row in range(40)], r"each of them in several rows"),
        ([f"user {row % 25}" for row in range(40)], r"each of them in several rows"),
    ],
)
def test_measurements_and_texts_are_not_taken_for_classes(tmp_path: Path, values: list[Any], message: str) -> None:
    rows = [{"text": f"text {row}", "label": values[row % len(values)]} for row in range(40)]
    write_jsonl(tmp_path / "train.jsonl", rows)
    with pytest.raises(DataError, match=message):
        load(tmp_path, files={"train": "train.jsonl"})


def test_named_they_are_classes_after_all(tmp_path: Path) -> None:
    rows = [{"text": f"text {row}", "label": (0.5, 1.5)[row % 2]} for row in range(40)]
    write_jsonl(tmp_path / "train.jsonl", rows)
    loaded = load(tmp_path, files={"train": "train.jsonl"}, labels=["1.5", "0.5"])
    assert set(loaded.labels("train")) == {0, 1}


def test_a_regression_has_numbers_and_one_label(tmp_path: Path) -> None:
    rows = [{"text": f"text {row}", "label": row / 8} for row in range(40)]
    write_csv(tmp_path / "train.csv", rows)
    loaded = load(tmp_path, kind="regression")
    assert loaded.spec.labels == ("label",)
    assert loaded.spec.metric == "pearson"
    numbers = [value for split in loaded.sizes for value in loaded.splits[split]["label"][:]]
    assert sorted(numbers) == [row / 8 for row in range(40)]


TEXTS: Rows = [{"source": f"sentence number {row}", "written": f"SENTENCE {row}"} for row in range(40)]


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_text_to_be_written_arrives_as_it_is(tmp_path: Path, suffix: str) -> None:
    name = WRITERS[suffix](tmp_path / f"train.{suffix}", TEXTS).name
    files = dict.fromkeys(("train", "validation", "test"), name)
    loaded = load(tmp_path, files=files, text="source", label=None, target="written")
    assert loaded.spec.kind == "generation"
    assert loaded.spec.labels == ()
    assert loaded.splits["test"]["target"][:] == [row["written"] for row in TEXTS]
    assert set(loaded.splits["test"].column_names) == {"source", "target", "index"}


def test_an_empty_text_to_be_written_is_named_with_its_row(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", [*TEXTS, {"source": "a", "written": " "}])
    with pytest.raises(DataError, match=r"'task.target': each text to be written .*Received: ' ' in row 41"):
        load(tmp_path, text="source", label=None, target="written")


def test_two_columns_without_a_header_are_named_in_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text("".join(f'He said "{n}\tsaid {n}\n' for n in range(20)), encoding="utf-8")
    task: dict[str, Any] = {"text": "source", "label": None, "target": "short", "header": ["source", "short"]}
    loaded = load(tmp_path, files={"train": "train.tsv"}, **task)
    assert sum(loaded.sizes.values()) == 20
    assert ('He said "3',) in [text for split in loaded.sizes for text in loaded.text(split)]


def test_a_data_set_of_a_folder_is_read_like_files(tmp_path: Path) -> None:
    home = tmp_path / "beers"
    home.mkdir()
    for split in ("train", "dev", "test"):
        write_csv(home / f"{split}.csv", [{**row, "text": f"{split} {row['text']}"} for row in ROWS])
    (home / "README.md").write_text(
        "---\nconfigs:\n- config_name: ales\n  data_files:\n"
        + "".join(f"  - {{split: {split}, path: {split}.csv}}\n" for split in ("train", "dev", "test"))
        + "---\n"
    )
    loaded = load(tmp_path, files=None, dataset="beers", config="ales")
    assert loaded.spec.name == "beers"
    assert loaded.sizes == {"train": 40, "validation": 40, "test": 40}
    assert all(text.startswith("dev ") for (text,) in loaded.text("validation"))
    chosen = load(tmp_path, files=None, dataset="beers", config="ales", splits={"test": "dev", "validation": "test"})
    assert all(text.startswith("dev ") for (text,) in chosen.text("test"))
    write_csv(home / "train.csv", [{**row, "text": f"new {row['text']}"} for row in ROWS])
    assert all(text.startswith("new ") for (text,) in load(tmp_path, files=None, dataset="beers").text("train"))
    with pytest.raises(DataError, match=r"'task.splits.test' must be a split .*'tset'.*Its splits: train, dev, test"):
        load(tmp_path, files=None, dataset="beers", splits={"test": "tset"})
    for file in home.iterdir():
        file.unlink()
    (home / "train.parquet").write_bytes(b"PAR1 but not really")
    with pytest.raises(DataError, match=r"'task.dataset' must be a folder that datasets.load_dataset can read"):
        load(tmp_path, files=None, dataset="beers")


def test_a_test_split_without_labels_is_left_alone(tmp_path: Path) -> None:
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])})
    home = tmp_path / "hidden"
    home.mkdir()
    for split in ("train", "validation", "test"):
        labels = [-1] * 4 if split == "test" else [1, 0, 1, 0]
        table = datasets.Dataset.from_dict({"text": [f"{split} {n}" for n in range(4)], "label": labels}, features)
        table.to_parquet(str(home / f"{split}.parquet"))
    loaded = load(tmp_path, files=None, dataset="hidden")
    assert loaded.spec.labels == ("no", "yes")
    assert all(text.startswith("validation ") for (text,) in loaded.text("test"))


QUOTED = [
    ('text\tlabel\n"He said, so\t0\nShe said"\t1\n', ['"He said, so', 'She said"']),
    ('text\tlabel\n"No" is no answer\t0\nYes\t1\n', ['"No" is no answer', "Yes"]),
    ('text\tlabel\n"two\ttabs"\t0\n"a ""mark"" in it"\t1\n', ["two\ttabs", 'a "mark" in it']),
    ('text\tlabel\n"two\nlines"\t0\nYes\t1\n', ["two\nlines", "Yes"]),
    ('text\tlabel\n5" pipe\t0\n6" pipe\t1\n', ['5" pipe', '6" pipe']),
]


@pytest.mark.parametrize(("content", "texts"), QUOTED)
def test_marks_in_files_with_tabs_enclose_cells_only_where_the_whole_file_is_quoted(
    tmp_path: Path, content: str, texts: list[str]
) -> None:
    (tmp_path / "train.tsv").write_text(content, encoding="utf-8")
    loaded = load(tmp_path, files=dict.fromkeys(("train", "validation", "test"), "train.tsv"))
    assert [text for (text,) in loaded.text("test")] == texts


def test_pairs_arrive_in_the_order_of_the_configuration(tmp_path: Path) -> None:
    rows = [{"label": row % 2, "b": f"second {row}", "a": f"first {row}"} for row in range(4)]
    files = dict.fromkeys(("train", "validation", "test"), write_csv(tmp_path / "train.csv", rows).name)
    assert load(tmp_path, files=files, text=["a", "b"]).text("test")[0] == ("first 0", "second 0")


BAD_FILES = [
    (
        "train.csv",
        b"text,label\na,0\n,1\n",
        r"'task.text'.*Received: (None|'') in row 2 of '.*train.csv', column 'text'",
    ),
    ("train.csv", b"text,label\na,0\n   ,1\n", r"'task.text'.*Received: '   ' in row 2"),
    (
        "train.csv",
        b"text,label\na,0\nb,\n",
        r"'task.label'.*Received: (None|'') in row 2 of '.*train.csv', column 'label'",
    ),
    ("train.csv", b"text,label\na,0\nb,1\nc,\n", r"'task.label'.*Received: (None|'') in row 3"),
    ("train.csv", b"text,label\n", r"'task.files.train' must hold at least one example"),
    ("train.csv", b"", r"'task.files.train' must be a readable .csv file"),
    (
        "train.csv",
        b"words,label\na,0\n",
        r"'task.text' must name a column .*Received: 'text'\. Its columns: words, label",
    ),
    (
        "train.csv",
        b"text,labels\na,0\n",
        r"'task.label' must name a column .*Received: 'label'\. Its columns: text, labels",
    ),
    (
        "train.csv",
        b"text,label\na,0\nb,1,2\nc,1\n",
        r"'task.files.train' must be a readable .*Expected 2 fields in line 3",
    ),
    ("train.csv", b"text,label\nwell, then,0\nno, then,1\n", r"'task.files.train' must be a readable .* same columns"),
    ("train.csv", b'text,label\n"a,0\nb,1\n', r"'task.files.train' must be a readable"),
    ("train.csv", b"text,label\ncaf\xe9,0\n", r"'task.files.train' must be a readable .csv file in UTF-8"),
    ("train.jsonl", b'{"text": "a", "label": 0}\n{"text": "b", "la', r"'task.files.train' must be a readable .jsonl"),
    (
        "train.jsonl",
        b'{"text": "a", "label": 0}\n{"text": null, "label": 1}\n',
        r"'task.text'.*Received: None in row 2",
    ),
    ("train.jsonl", b'{"text": "a", "label": 0}\n{"label": 1}\n', r"'task.text'.*Received: None in row 2"),
    ("train.jsonl", b'{"text": 5, "label": 0}\n{"text": 6, "label": 1}\n', r"'task.text'.*Received: 5 in row 1"),
    ("train.jsonl", b'{"text": "a", "label": [0]}\n', r"'task.label'.*Received: \[0\] in row 1"),
    ("train.json", b"not json", r"'task.files.train' must be a readable .json file"),
    ("train.parquet", b"PAR1 but not really", r"'task.files.train' must be a readable .parquet file"),
    ("train.xlsx", b"", r"'task.files.train' must be one of .csv, .tsv, .jsonl, .json, .parquet"),
    ("train.csv", b"text,label\na,0\nb,0\n" + b"c,0\n" * 30, r"must hold at least two classes.*'0' in all"),
]


@pytest.mark.parametrize(("name", "content", "message"), BAD_FILES)
def test_a_bad_file_ends_in_one_clear_error(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        load(tmp_path, files=dict.fromkeys(("train", "validation", "test"), name))
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'task.files.train' must be a file that exists. Received: '.*train.csv'"):
        load(tmp_path)


def test_a_missing_data_dir_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'data_dir' must be a folder that exists"):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("value", "labels", "message"),
    [
        ("maybe", ["no", "yes"], r"one of no, yes, or a number from 0 to 1\. Received: 'maybe' in row 4"),
        ("2", ["no", "yes"], r"Received: '2' in row 4"),
        ("-1", ["no", "yes"], r"Received: '-1' in row 4"),
        ("0.5", ["no", "yes"], r"Received: '0.5' in row 4"),
        ("3", ["1", "2"], r"one of 1, 2\. Received: '3' in row 4"),
    ],
)
def test_a_label_that_is_none_of_the_labels_is_named_with_its_row(
    tmp_path: Path, value: str, labels: list[str], message: str
) -> None:
    rows = [{"text": f"text {row}", "label": labels[row % 2]} for row in range(3)] + [{"text": "last", "label": value}]
    write_csv(tmp_path / "train.csv", rows)
    with pytest.raises(DataError, match=message):
        load(tmp_path, labels=labels)


def test_a_label_that_train_does_not_have_is_an_error_in_the_other_splits(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", ROWS)
    write_csv(tmp_path / "test.csv", [{"text": "so", "label": "so-so"}])
    with pytest.raises(DataError, match=r"one of bad, good.*Received: 'so-so' in row 1 of '.*test.csv'"):
        load(tmp_path, files={"train": "train.csv", "test": "test.csv"})


def test_a_subset_of_one_class_says_which_limit_to_raise(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", ROWS)
    with pytest.raises(DataError, match=r"at least two classes.*raise data.max_train_samples"):
        load(tmp_path, data=DataOptions(max_train_samples=1))


def test_too_few_texts_to_hold_any_out(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", [{"text": "same", "label": row % 2} for row in range(50)])
    with pytest.raises(DataError, match=r"Name a file for the split 'test'"):
        load(tmp_path)


def test_the_settings_of_datasets_are_left_as_they_were(tmp_path: Path) -> None:
    from datasets.utils import are_progress_bars_disabled
    from datasets.utils.logging import get_verbosity

    before = are_progress_bars_disabled(), get_verbosity()
    write_csv(tmp_path / "train.csv", ROWS)
    load(tmp_path)
    assert (are_progress_bars_disabled(), get_verbosity()) == before
