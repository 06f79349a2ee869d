"""The WSGI application of `docs/deploying.md` refuses requests that could harm a service."""

import io
import json

import pytest
from pages import PYTHON, ROOT, blocks_of, presumed_by

PAGE = ROOT / "docs" / "deploying.md"


@pytest.fixture
def application(runner):
    """The page's application, as it stands there."""
    for name in presumed_by(PAGE):
        runner.set_up(name)
    for block in blocks_of(PAGE):
        if block.language in PYTHON:
            runner.run(block)
        if "application" in runner.names:
            return runner.names["application"]
    raise AssertionError("the page has no application")


class Body(io.BytesIO):
    """A request's body that must not be read without a limit."""

    def read(self, size=-1):
        assert 0 <= size <= 1_000_000
        return super().read(size)


def answer(application, body, **environ):
    said = []
    parts = application(
        {"wsgi.input": Body(body), "CONTENT_LENGTH": str(len(body)), **environ},
        lambda status, headers: said.append(status),
    )
    return said[0][:3], json.loads(b"".join(parts))


def test_texts_are_answered_and_everything_else_is_refused(application):
    body = json.dumps(["Oil prices jump", "A late goal wins the cup"]).encode()
    status, answers = answer(application, body)
    assert status == "200"
    assert [set(one) for one in answers] == [{"label", "score"}] * 2
    for length in ("-1", "", "x", "1e3", "+3", " 3", "1_0", "٣", "0x10"):
        assert answer(application, body, CONTENT_LENGTH=length)[0] == "411", length
    assert answer(application, body, HTTP_TRANSFER_ENCODING="chunked")[0] == "411"
    for length in ("1000001", "9" * 30, "9" * 9_999):
        assert answer(application, body, CONTENT_LENGTH=length)[0] == "413", length
    for wrong in (b"", b"{", b'"a text"', b"[1]", b"\xff", b"[" * 100_000):
        assert answer(application, wrong)[0] == "400", wrong[:9]
