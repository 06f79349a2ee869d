"""The drawings of the benchmarks."""

import subprocess
import sys

import pytest

pytest.importorskip("matplotlib")

BIGRAMS = "fastText, bigrams"


@pytest.fixture
def rows(row):
    ours, peers = ("small", "tiny", "large"), ("fasttext-bigram", "tfidf-bigram", "model2vec")
    return [
        row(model=name, seed=seed, accuracy=0.8 + 0.02 * place + 0.01 * seed, size_bytes=10**place)
        for place, name in enumerate((*ours, *peers, "transformer"))
        for seed in (0, 1)
    ]


def test_a_file_a_data_set(rows, row):
    from plots import drawings

    few = [row(per_class=8, train_rows=32, accuracy=0.5)]
    files = drawings([*rows, *few, row(data="other"), row(data="third", epochs=1)])
    assert sorted(files) == ["news-few-texts.svg", "news.svg", "other.svg"]
    assert all(content.lstrip().startswith(b"<?xml") for content in files.values())
    assert drawings(rows)["news.svg"] == files["news.svg"]  # the same drawing, the same file


def test_points_are_where_the_means_are(rows):
    from matplotlib.figure import Figure

    from plots import PANELS, draw_costs

    figure = Figure(layout="constrained")
    draw_costs(rows, figure)
    assert [axes.get_xlabel() for axes in figure.axes] == [label for *_, label in PANELS]
    assert all(axes.get_xscale() == "log" for axes in figure.axes)
    bars = figure.axes[0].containers
    assert [bar.get_label() for bar in bars][:3] == ["small", "tiny", "large"]
    for place, bar in enumerate(bars):
        ((x, y),) = bar.lines[0].get_xydata()
        assert (x, y) == pytest.approx((10**place / 1e6, 80.5 + 2 * place))
    looks = {(bar.lines[0].get_color(), bar.lines[0].get_marker()) for bar in bars}
    assert len(looks) == len(bars)  # no two models look the same


def test_the_headline_names_its_models(rows):
    from matplotlib.figure import Figure

    from plots import draw_headline

    figure = Figure(layout="constrained")
    draw_headline(rows, figure)
    time, size = figure.axes
    assert [text.get_text() for text in time.texts][:4] == ["small", "tiny", "large", BIGRAMS]
    places = [line.get_xydata().tolist() for line in size.lines]
    assert places[3] == [[pytest.approx(1000 / 1e6), pytest.approx(86.5)]]


def test_a_line_by_the_amount_of_data(row):
    from matplotlib.figure import Figure

    from plots import draw_amounts

    rows = [
        row(per_class=64, train_rows=256, accuracy=0.7),
        row(per_class=8, train_rows=32, accuracy=0.4),
        row(per_class=8, train_rows=32, accuracy=0.6, seed=1),
        row(accuracy=0.9),
        row(model="large", accuracy=0.95),  # not measured on few texts
    ]
    figure = Figure(layout="constrained")
    draw_amounts(rows, figure)
    (bar,) = figure.axes[0].containers
    assert bar.lines[0].get_xydata().tolist() == [[32, 50], [256, 70], [1000, 90]]


def test_the_script_draws_what_was_measured(scripts, tmp_path):
    command = [sys.executable, str(scripts / "plots.py"), "--output", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {"ag_news.svg", "imdb.svg", "headline.svg"} <= {path.name for path in tmp_path.iterdir()}
