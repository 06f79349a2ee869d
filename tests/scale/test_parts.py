"""Which files a job reads and writes."""

from pathlib import Path

import pytest

from wave_network.errors import ConfigError, DataError, OutputError
from wave_network.scale.parts import find_parts


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Make empty files in the test's folder, which is the current one."""
    monkeypatch.chdir(tmp_path)

    def make(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")

    return make


def outputs(names, output_format=None):
    return [part.output for part in find_parts(names, Path("out"), output_format)]


def test_a_pattern_gives_its_files_in_order_and_each_file_once(files):
    files("in/b.csv", "in/a.csv", "in/.hidden.csv", "in/c.txt", "in/folder.csv/e.csv")
    assert outputs(["in/b.csv", "in/*.csv"]) == ["b.csv", "a.csv"]
    assert outputs(["in/**/*.csv"]) == ["a.csv", "b.csv", "e.csv"]


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("a.csv", "a.csv"),
        ("a.tsv.gz", "a.tsv"),
        ("a.json", "a.json"),
        ("a.parquet", "a.parquet"),
        ("a.txt", "a.jsonl"),
        ("a.b.xlsx", "a.b.jsonl"),
        ("a.PARQUET", "a.parquet"),
    ],
)
def test_each_part_keeps_its_stem_and_if_possible_its_format(files, name, output):
    files(f"in/{name}")
    assert outputs([f"in/{name}", "in/*"]) == [output]
    assert outputs(["in/*"], "csv") == [output.rpartition(".")[0] + ".csv"]


def test_a_file_with_the_name_of_a_pattern_is_that_file(files):
    files("in/a[1].csv", "in/a1.csv")
    assert outputs(["in/a[1].csv"]) == ["a[1].csv"]


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        (["in/*.tsv"], DataError, "no file matches 'in/\\*.tsv': check the pattern"),
        (["in/aa.csv"], DataError, "aa.csv does not exist: did you mean"),
        (["in"], DataError, "in is a folder"),
        (["in/a.csv", "other/a.csv"], OutputError, "in/a.csv and other/a.csv would both be"),
        (["in/a.txt", "in/a.jsonl"], OutputError, "would both be written to out/a.jsonl"),
        (["out/*"], OutputError, "out is the folder of out/b.csv: choose another"),
    ],
)
def test_what_cannot_be_a_job_is_refused(files, names, error, message):
    files("in/a.csv", "other/a.csv", "in/a.txt", "in/a.jsonl", "out/b.csv")
    with pytest.raises(error, match=message):
        outputs(names)


def test_formats_that_are_not_written_are_refused(files):
    files("in/a.csv")
    with pytest.raises(ConfigError, match="'xlsx' is not one of 'jsonl', 'json', 'csv'"):
        outputs(["in/a.csv"], "xlsx")
