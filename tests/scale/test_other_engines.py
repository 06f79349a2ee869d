"""The functions for Spark, DuckDB and polars that the documentation shows, run as printed.

`make test-engines` installs Spark for them. WAVE_NETWORK_ROWS=99999, or another
multiple of 3, takes more rows.
"""

import os
import shutil
import sys

import pyarrow as pa
import pytest
from engines import takes_long
from pages import ROOT, blocks_of
from pyarrow import csv, parquet

from wave_network import load

PAGE = ROOT / "docs" / "many-texts.md"
ROWS = int(os.environ.get("WAVE_NETWORK_ROWS", "3000"))


def run_block(engine, **replaced):
    """Run the block of the page that imports an engine."""
    (code,) = [block.code for block in blocks_of(PAGE) if f"import {engine}" in block.code]
    for old, new in replaced.items():
        code = code.replace(old, new)
    names = {}
    exec(code, names)
    return names


@pytest.fixture
def table(tmp_path, model, monkeypatch):
    """Rows with keys, in the files that the page reads."""
    monkeypatch.chdir(tmp_path)
    model.rename(tmp_path / "wave-model")
    texts = ["" if row % 100 == 7 else f"text {row}, of all" for row in range(ROWS)]
    table = pa.table({"id": range(ROWS), "text": texts})
    (tmp_path / "tickets").mkdir()
    for part in range(3):
        rows = table.slice(part * ROWS // 3, ROWS // 3)
        csv.write_csv(rows, tmp_path / "tickets" / f"part-{part}.csv")
    # Without compression, as Spark's own library for that does not load everywhere.
    parquet.write_table(table, tmp_path / "tickets.parquet", compression="none")
    return table


def check(rows, table):
    """Check that each row is there once, with the answer of the model."""
    rows = sorted(rows, key=lambda row: row["id"])
    assert [row["id"] for row in rows] == list(range(ROWS))
    assert [row["text"] or "" for row in rows] == table["text"].to_pylist()
    expected = load("wave-model").predict(table["text"].to_pylist())
    assert [row["label"] for row in rows] == [one.label for one in expected]
    assert [row["score"] for row in rows] == pytest.approx(
        [one.score for one in expected], abs=2e-6
    )


def fields(path):
    return [{**row, **row["answer"]} for row in parquet.read_table(path).to_pylist()]


def test_duckdb(table):
    pytest.importorskip("duckdb")
    names = run_block("duckdb")
    check(fields("duckdb.parquet"), table)
    nothing = names["connection"].sql("SELECT predict(NULL::VARCHAR)").fetchall()
    assert nothing == [(None,)]


def test_polars(table):
    run_block("polars")
    check(fields("polars.parquet"), table)


@takes_long
@pytest.mark.skipif(shutil.which("java") is None, reason="no Java: Spark needs it")
@pytest.mark.filterwarnings("ignore::FutureWarning")  # of Spark, about the version of pandas
def test_spark(table, tmp_path, monkeypatch):
    sql = pytest.importorskip("pyspark.sql", reason="no pyspark: make test-engines installs it")
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    settings = {
        "spark.master": "local[2]",
        "spark.ui.enabled": "false",
        "spark.driver.memory": "1g",
        "spark.sql.parquet.compression.codec": "uncompressed",
    }
    spark = sql.SparkSession.builder.config(map=settings).getOrCreate()
    try:
        spark.sparkContext.setLogLevel("OFF")
        names = run_block("SparkSession", **{"/shared/wave-model": str(tmp_path / "wave-model")})
        check(parquet.read_table("answers.parquet").to_pylist(), table)
        null = spark.createDataFrame([(1, None)], "id long, text string")
        with pytest.raises(Exception, match=r"DataError: text 0 is \w+, not a string"):
            null.mapInPandas(names["predict"], "id long, text string").collect()
    finally:
        spark.stop()
