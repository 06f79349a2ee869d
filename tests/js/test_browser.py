"""The pages that we write in a real Chromium; `make browser` says where it is.

It needs Playwright, and axe-core in js/node_modules.
"""

import csv
import io
import os
import re
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from fasttext_models import PLACE
from pages import ROOT, blocks_of

from wave_network import load
from wave_network.config import LocalWaveConfig, ModelConfig
from wave_network.export.web import write_web
from wave_network.persistence.card import render_card
from wave_network.persistence.folder import write_model

SHOTS = os.environ.get("WAVE_NETWORK_SHOTS")
"""The folder for pictures of the pages."""
CHROMIUM = os.environ.get("WAVE_NETWORK_CHROMIUM", "")
AXE = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"
TEXT = "Oil prices jump as OPEC cuts output"
LINES = [TEXT, 'He said "goal", twice', "=1+1, a telescope", "Ｔhe ﬁnal in 東京 👩‍🚀"]
VIEWS = {
    "light": {"viewport": {"width": 1366, "height": 900}},
    "dark": {"viewport": {"width": 1366, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2},
}

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs a browser: make browser")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def folder(sample_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("web") / "wave-page"
    write_web(sample_model, folder)
    return folder


@pytest.fixture(scope="module")
def address(folder):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def written(sample_model, folder):
    """A page of explanations and a report, beside the playground."""
    texts = [TEXT, "The club's owner sells his shares"]
    report = ["report", sample_model, "--data", "sample", "--output", folder / "report.html"]
    predict = ["predict", sample_model, *texts, "--explain-html", folder / "explained.html"]
    for command in (report, predict):
        subprocess.run([sys.executable, "-m", "wave_network", *map(str, command)], check=True)
    return ["explained.html", "report.html"]


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, address):
    """Open a page; afterwards, nothing may have been logged or asked of another place."""
    said, asked, contexts = [], [], []

    def open_page(name="", view="light", ready="#run:enabled"):
        contexts.append(browser.new_context(**VIEWS[view]))
        page = contexts[-1].new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address + name)
        page.wait_for_selector(ready)
        return page

    yield open_page
    assert said == []
    assert [url for url in asked if not url.startswith((address, "blob:"))] == []
    for context in contexts:
        context.close()


def shown(page):
    """The probabilities that the page shows, by label."""
    rows = page.locator("#labels li").all_inner_texts()
    values = [re.fullmatch(r"(.+)\n([\d.]+) %", row, re.DOTALL) for row in rows]
    return {match[1].strip(): float(match[2]) / 100 for match in values}


@pytest.mark.parametrize("text", LINES)
def test_what_is_typed_is_answered_as_by_python(opened, sample_model, text):
    page = opened()
    page.locator("#text").press_sequentially(text[:-1])
    page.locator("#text").press_sequentially(text[-1])
    (expected,) = load(sample_model).predict([text], out_of_scope=True)
    assert page.locator("#answer").inner_text() == expected.label
    assert shown(page) == pytest.approx(dict(expected.scores), abs=6e-4)  # a tenth of a percent
    assert f"({expected.out_of_scope:.3f})" in page.locator("#trust").inner_text()
    exact = page.evaluate(
        "async text => { const { fromUrl } = await import('./index.js');"
        " return [...(await fromUrl('./')).predict([text])[0].scores] }",
        text,
    )
    assert dict(exact) == pytest.approx(dict(expected.scores), abs=1e-5)


def test_tokens_are_coloured_and_listed(opened, sample_model):
    page = opened()
    page.fill("#text", TEXT)
    expected = load(sample_model).explain(TEXT)
    assert page.locator("#tokens").inner_text() == TEXT
    page.click("summary")
    rows = page.locator("#shares tr").all_inner_texts()
    found = [float(row.split("\t")[1].replace("−", "-")) for row in rows]
    assert found == pytest.approx([token.attribution for token in expected.tokens], abs=2e-3)
    assert page.locator("#tokens .for").count() > 0
    page.select_option("#explained", index=1)
    assert page.locator("#shares tr").all_inner_texts() != rows


def test_the_waves_turn_as_the_text_changes(opened):
    page = opened()
    page.fill("#text", TEXT)
    drawings = page.locator("#waves svg").all()
    names = [drawing.get_attribute("aria-label") for drawing in drawings]
    assert len(names) == 4
    assert all(re.search(r"token \[CLS\]: Z at \d+ degrees, Z′ at \d+", name) for name in names)
    turned = page.locator("#waves .both").first.get_attribute("style")
    page.fill("#text", f"{TEXT} and the striker scored twice")
    assert page.locator("#waves .both").first.get_attribute("style") != turned


def test_many_texts_become_a_table_and_a_file(opened, sample_model):
    page = opened()
    page.fill("#texts", "\n".join([*LINES, "", *["word"] * 300]))
    page.click("#run")
    page.wait_for_selector("#download:enabled")
    assert page.locator("#results tr").count() == 200
    with page.expect_download() as download:
        page.click("#download")
    content = Path(download.value.path()).read_text("utf-8-sig")
    head, *rows = csv.reader(io.StringIO(content))
    assert head == ["text", "label", "score", "out_of_scope"]
    expected = load(sample_model).predict([*LINES, *["word"] * 300])
    assert [row[0] for row in rows[:5]] == [*LINES, "word"]
    assert [row[1] for row in rows] == [prediction.label for prediction in expected]
    scores = [prediction.score for prediction in expected]
    assert [float(row[2]) for row in rows] == pytest.approx(scores, abs=1e-4)


def assert_for_everyone(page, name):
    """No finding of axe-core, nothing wider than the screen; and a picture, to be looked at."""
    if not AXE.exists():
        pytest.skip("needs axe-core: npm install in js/")
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run()")["violations"]
    assert [(one["id"], one["impact"], one["nodes"][0]["html"]) for one in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


@pytest.mark.parametrize("view", VIEWS)
def test_the_page_can_be_used_by_everyone(opened, view):
    page = opened(view=view)
    page.fill("#text", TEXT)
    page.fill("#texts", "\n".join(LINES))
    page.click("#run")
    page.wait_for_selector("#download:enabled")
    assert_for_everyone(page, f"playground-{view}")


@pytest.mark.parametrize("view", VIEWS)
def test_explanations_and_reports_can_be_read_by_everyone(opened, folder, written, view):
    for name in written:
        assert_for_everyone(opened(name, view, ready="main"), f"{name}-{view}")


def test_it_can_be_used_by_keyboard_alone(opened):
    page = opened()
    page.keyboard.press("Tab")
    page.keyboard.type(TEXT)
    assert page.locator("#answer").inner_text()
    reached = []
    for _ in range(9):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert reached[:6] == ["explained", "SUMMARY", "token", "texts", "run", reached[5]]


def test_a_link_may_bring_a_text(opened, sample_model):
    page = opened("#text=Oil+prices%20jump")
    assert page.input_value("#text") == "Oil prices jump"
    assert page.locator("#answer").inner_text() == load(sample_model).predict([TEXT])[0].label


def test_answers_come_at_once(opened):
    page = opened()
    first = page.evaluate("performance.now()")
    page.fill("#text", TEXT)
    times = page.evaluate(
        """() => {
          const field = document.getElementById('text');
          return Array.from({ length: 40 }, () => {
            field.value += ' word';
            const start = performance.now();
            field.dispatchEvent(new Event('input'));
            return performance.now() - start;
          });
        }"""
    )
    sys.stdout.write(f"ready after {first:.0f} ms, a keystroke {sorted(times)[20]:.1f} ms\n")
    assert first < 10_000  # 1,000 on a quiet machine
    assert sorted(times)[20] < 100  # 5 on a quiet machine


def test_the_page_of_the_documentation_works(opened, sample_model, folder):
    (page_block,) = (
        block for block in blocks_of(ROOT / "docs" / "browser.md") if block.language == "html"
    )
    assert page_block.code.count("\n") == 10
    (folder / "mine.html").write_text(page_block.code, encoding="utf-8")
    (folder / "favicon.ico").write_bytes(b"")
    page = opened("mine.html", ready="textarea")
    for _ in range(100):  # until the model is loaded
        page.fill("textarea", TEXT)
        if answer := page.locator("p").inner_text():
            break
        page.fill("textarea", "")
        page.wait_for_timeout(100)
    (expected,) = load(sample_model).predict([TEXT])
    assert answer == f"{expected.label} ({100 * expected.score:.1f} %)"


@pytest.mark.parametrize(
    ("config_class", "options"),
    [
        (ModelConfig, {"pooling": "mean", "operation": "interference"}),
        (LocalWaveConfig, {"problem_type": "multi_label_classification", "members": 2}),
    ],
)
def test_models_without_trust_or_explanation_are_shown(
    opened, folder, make_files, tmp_path, config_class, options
):
    files = make_files(config_class=config_class, **options)
    write_model(tmp_path / "model", files, card=render_card(files), history=[])
    write_web(tmp_path / "model", folder / f"{config_class.__name__}")
    page = opened(f"{config_class.__name__}/")
    page.fill("#text", TEXT)
    (expected,) = load(tmp_path / "model").predict([TEXT])
    assert page.locator("#answer").inner_text() == (", ".join(expected.labels) or "No label")
    assert shown(page) == pytest.approx(dict(expected.scores), abs=6e-4)
    assert page.locator("#trust dt").count() == 0
    assert page.locator("#why").is_visible() == (config_class is LocalWaveConfig)
    assert page.locator("#waves svg").count() == 4


def test_a_model_of_fasttext_is_shown_without_waves(opened, folder):
    write_web(PLACE / "pruned.ftz", folder / "fasttext")
    page, text = opened("fasttext/"), "bake the bread in the oven"
    page.fill("#text", text)
    engine = load(PLACE / "pruned.ftz")
    assert shown(page) == pytest.approx(dict(engine.predict([text])[0].scores), abs=6e-4)
    page.click("summary")
    words = [row.split("\t")[0] for row in page.locator("#shares tr").all_inner_texts()]
    assert words == text.split()
    assert not page.locator("#waves-section").is_visible()
    page.fill("#texts", "goal\nrocket")
    page.click("#run")
    page.wait_for_selector("#download:enabled")
    assert page.locator("#results tr").count() == 2


def test_a_model_that_cannot_be_loaded_is_said(browser, address, folder):
    page = browser.new_page()
    page.route("**/model.safetensors", lambda route: route.fulfill(status=200, body=b"no"))
    page.goto(address)
    page.wait_for_selector("text=The model cannot be loaded: model.safetensors is damaged")
    page.close()
