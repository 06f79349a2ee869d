"""Every command and every piece of Python in the documentation runs."""

import re

import pytest
from outputs import differs
from pages import JAVASCRIPT, PAGES, ROOT, Block, blocks_of, commands_of, presumed_by

NOT_RUN = {
    "browser.md": ["it serves until it is interrupted", "it is for a project of JavaScript"],
    "command-line.md": ["an interruption cannot be shown", "runs until it is stopped"],
    "deploying.md": [
        *("runs until it is stopped", "needs Docker", "needs an administrator", "needs a cluster"),
    ],
    "distilling.md": ["needs the network and hours"],
    "few-labels.md": ["needs an encoder"],
    "installing.md": ["builds the package", "replaces the installation"],
    "integrations.md": ["publishes, for which it needs the network and an account"],
    "many-texts.md": ["needs a Ray cluster", "needs Spark"],
    "language-model.md": [
        *("it takes minutes", "needs the model above", "needs the model above"),
        *("it takes minutes", "it takes minutes", "needs the model above"),
    ],
    "multi-label.md": ["it takes as long as it says"],
    "migrating-from-fasttext.md": ["runs until it is stopped"],
    "reproducing.md": [
        "days, with data from the Hub",
        "minutes, with data from the Hub",
        "hours, with data from the Hub",
    ],
    "serving.md": [
        *("runs until it is stopped", "asks the service", "answered by the service"),
        *("asks the service", "asks the service", "runs until it is stopped"),
        *("needs the service's machine", "runs until it is stopped", "answered by the service"),
    ],
    "scale.md": [
        *("a test of its own runs it", "it needs two GPUs", "it needs two hosts"),
        *("it needs a Ray cluster", "it measures for minutes"),
    ],
    "tuning.md": ["it takes as long as it says"],
    "README.md": ["hours of experiments, with data from the Hub"],
}
"""Why blocks are neither executed nor compared, by page."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_runs_or_says_why_not(page, runner):
    for name in presumed_by(page):
        runner.set_up(name)
    for block in blocks_of(page):
        if block.language in JAVASCRIPT or block.is_synopsis or block.reason is not None:
            continue
        runner.run(block)


def test_what_is_not_run_is_listed():
    found = {
        page.name: reasons
        for page in PAGES
        if (reasons := [block.reason for block in blocks_of(page) if block.reason is not None])
    }
    assert found == NOT_RUN


def test_blocks_tables_lists_and_headings_are_set_apart():
    """A list swallows what follows it at once; elsewhere a merge may have lost a paragraph."""
    for page in (*PAGES, ROOT / "results" / "README.md", ROOT / "dev" / "LOG.md"):
        text = re.sub(r"^( *)```.*?^\1```$", "```", page.read_text("utf-8"), flags=re.M | re.S)
        joined = (
            r"^(?: *```|\|.*)\n(?=[^\n|])",
            r"^(?:[-*]|\d+\.) .*\n(?:(?:[-*]| |\d+\.).*\n)*(?=[^\n \-*\d])",
            r"^.*\S.*\n(?=#{2,6} )",
        )
        found = re.search("|".join(joined), text, re.M)
        assert found is None, f"{page.name}: a blank line is missing after {found[0]!r}"


def test_a_block_that_fails_fails_the_page(runner):
    with pytest.raises(AssertionError, match=r"missing\.csv does not exist"):
        runner.run(Block("", "wave-network train missing.csv", 1))
    with pytest.raises(AssertionError, match="exit 3"):
        runner.run(Block("bash", "true | (exit 3)", 1))
    with pytest.raises(ZeroDivisionError):
        runner.run(Block("python", "1 / 0", 1))
    with pytest.raises(AssertionError, match="no-such-extra"):
        runner.run(Block("", 'pip install "wave-network[no-such-extra]"', 1))


def test_an_output_that_differs_fails_the_page(runner):
    runner.run(Block("", "printf 'a 0.123 of 45\\nand more\\n'", 1))
    for same in ("a 0.12 of 45 and more", "a 0.123 of ...", "... of 45\n...more"):
        runner.run(Block("text", same, 2))
    runner.run(Block("text", "a 0.2 of 44 and more", 2, within=1))
    for other in ("a 0.13 of 45 and more", "a 0.1 of 45", "a 0.12 of 44 ...", "b ...", "...45", ""):
        with pytest.raises(AssertionError, match=r"page:2: the page shows"):
            runner.run(Block("text", other, 2))
    runner.run(Block("", "echo said >&2", 1))
    runner.run(Block("text", "said", 2, on_stderr=True))
    runner.run(Block("python", "x = [1]\nx  # [1], and no more\nx + x  # twice as many\n", 1))
    with pytest.raises(AssertionError, match=r"page:1: x gives \[1\]"):
        runner.run(Block("python", "x  # [2]\n", 1))


def test_a_table_is_compared_by_its_cells():
    table = "┏━━━┳━━━┓\n┃ a ┃ b ┃\n┡━━━╇━━━┩\n│ 1 │ 2.00 │\n└───┴───┘\n"
    assert differs(table, table.replace("━━━", "━━━━━").replace("2.00", "2.0004")) == ""
    assert differs(table, table.replace("2.00", "2.01"))
    assert differs(table, table + "3")


def test_how_blocks_are_read(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- set up: tickets.csv, texts -->\n\n"
        "```\nwave-network train a.csv \\\n  --seed 1  # again\n# a comment\n```\n\n"
        "- in a list\n\n    ```python\n    if x:\n        y()\n    ```\n\n"
        "<!-- not run: needs the network -->\n```bash\nwave-network push m me/m\n```\n\n"
        "```\nwave-network info MODEL [--json]\n```\n\n"
        "<!-- within: 0.5 -->\n```json\n{}\n```\n\n<!-- file: a.json -->\n```json\n[]\n```\n"
        "<!-- stderr within: 2 -->\n```text\nsaid\n```\n"
    )
    first, second, third, fourth, fifth, sixth, seventh = blocks_of(page)
    assert (sixth.on_stderr, seventh.on_stderr, seventh.within) == (False, True, 2.0)
    assert (fifth.within, fifth.file, sixth.within, sixth.file) == (0.5, None, 0.0, "a.json")
    assert list(commands_of(first.code)) == ["wave-network train a.csv    --seed 1  # again"]
    assert (second.language, second.code) == ("python", "if x:\n    y()\n")
    assert third.reason == "needs the network"
    assert [block.is_synopsis for block in (first, second, third, fourth)] == [0, 0, 0, 1]
    assert presumed_by(page) == ["tickets.csv", "texts"]
