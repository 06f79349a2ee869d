"""Every command and every piece of Python in the documentation runs."""

import pytest
from pages import PAGES, PYTHON, SHELL, SHOWN, Block, blocks_of, commands_of, presumed_by


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_runs_or_says_why_not(page, runner):
    for name in presumed_by(page):
        runner.set_up(name)
    for block in blocks_of(page):
        if block.language in SHOWN or block.is_synopsis:
            continue
        assert block.language in SHELL | PYTHON, f"{page.name}:{block.line}: unknown language"
        if block.reason is None:
            runner.run(block)


def test_a_block_that_fails_fails_the_page(runner):
    with pytest.raises(AssertionError, match=r"missing\.csv does not exist"):
        runner.run(Block("", "wave-network train missing.csv", 1, None))
    with pytest.raises(AssertionError, match="exit 3"):
        runner.run(Block("bash", "true | (exit 3)", 1, None))
    with pytest.raises(ZeroDivisionError):
        runner.run(Block("python", "1 / 0", 1, None))
    with pytest.raises(AssertionError, match="no-such-extra"):
        runner.run(Block("", 'pip install "wave-network[no-such-extra]"', 1, None))


def test_how_blocks_are_read(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- set up: tickets.csv, texts -->\n\n"
        "```\nwave-network train a.csv \\\n  --seed 1  # again\n# a comment\n```\n\n"
        "- in a list\n\n    ```python\n    if x:\n        y()\n    ```\n\n"
        "<!-- not run: needs the network -->\n```bash\nwave-network push m me/m\n```\n\n"
        "```\nwave-network info MODEL [--json]\n```\n"
    )
    first, second, third, fourth = blocks_of(page)
    assert list(commands_of(first.code)) == ["wave-network train a.csv    --seed 1  # again"]
    assert (second.language, second.code) == ("python", "if x:\n    y()\n")
    assert third.reason == "needs the network"
    assert [block.is_synopsis for block in (first, second, third, fourth)] == [0, 0, 0, 1]
    assert presumed_by(page) == ["tickets.csv", "texts"]
