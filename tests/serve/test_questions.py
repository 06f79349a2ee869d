"""Bodies of requests: what is read, and what each mistake is told."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wave_network.serve.limits import Limits
from wave_network.serve.questions import Options, parse
from wave_network.serve.refusal import RefusedError

LIMITS = Limits(texts=3, characters=10)


def refused(body, limits=LIMITS):
    with pytest.raises(RefusedError) as caught:
        parse(body if isinstance(body, bytes) else json.dumps(body).encode(), limits)
    return caught.value.status, caught.value.message


def test_one_text_or_several_and_options():
    assert parse(b'{"text": "a\\u0000b"}', LIMITS).texts == ["a\0b"]
    assert parse('{"texts": ["雨", "", "🦙"]}'.encode(), LIMITS).texts == ["雨", "", "🦙"]
    given = {"top_k": 2, "threshold": 1, "coverage": 0.9, "explain": True, "out_of_scope": False}
    question = parse(json.dumps({"text": "a", **given}).encode(), LIMITS)
    assert question.options == Options(**given)
    nothing = json.dumps({"text": "a", **dict.fromkeys(given)}).encode()
    assert parse(nothing, LIMITS).options == Options()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not JSON: Expecting value"),
        (b"{", "not JSON"),
        (b'{"text": "a"} {}', "not JSON: Extra data"),
        (b'\xef\xbb\xbf{"text": "a"}', "not JSON: Expecting value"),
        (b'{"text": "\xff"}', "not UTF-8: byte 10"),
        (b'{"text": "\xed\xa0\x80"}', "not UTF-8"),  # half a surrogate pair, as bytes
        ('{"text": "a"}'.encode("utf-16"), "not UTF-8"),
        (b'{"text": "a\x00"}', "Invalid control character"),
        (b'{"text": "a", "text": "b"}', "a name stands twice"),
        (b'{"text": "a", "threshold": NaN}', "NaN is not a number of JSON"),
        (b'{"text": "a", "threshold": -Infinity}', "-Infinity is not"),
        (b'{"text": "a", "top_k": ' + b"9" * 10_000 + b"}", "a number of 10,000 characters"),
        (b'{"text": "a", "top_k": 0.' + b"9" * 10_000 + b"}", "a number of 10,002 characters"),
        (b"[" * 60_000, "nested too deep"),
        (b'{"a":' * 12_000, "nested too deep"),
    ],
)
def test_what_is_not_json_is_a_bad_request(body, said):
    status, message = refused(body)
    assert status == 400
    assert said in message


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([], "the body is a list"),
        ("a", "the body is a string"),
        (None, "the body is null"),
        ({}, 'either "text"'),
        ({"text": "a", "texts": ["b"]}, 'either "text"'),
        ({"text": None}, "text 1 is null: send a string"),
        ({"text": ["a"]}, "text 1 is a list"),
        ({"texts": "a"}, "texts is a string: send a list"),
        ({"texts": []}, "at least one text"),
        ({"texts": ["a", 1]}, "text 2 is a number"),
        ({"texts": ["a", {}]}, "text 2 is an object"),
        ({"text": "\ud800"}, "text 1 is not Unicode"),
        ({"texts": ["a", "b\udfff"]}, "text 2 is not Unicode"),
        ({"text": "a", "topk": 1}, "unknown field 'topk': the fields are text, texts, top_k"),
        ({"text": "a", "top_k": 0}, "top_k must be a whole number, at least 1; got a number"),
        ({"text": "a", "top_k": True}, "got true"),
        ({"text": "a", "top_k": 1.0}, "top_k must be"),
        ({"text": "a", "top_k": "1"}, "got a string"),
        ({"text": "a", "threshold": 1.5}, "threshold must be a number from 0 to 1"),
        ({"text": "a", "threshold": 1e400}, "Infinity"),
        ({"text": "a", "coverage": 0}, "coverage must be a number between 0 and 1"),
        ({"text": "a", "explain": 1}, "explain must be true or false"),
        ({"text": "a", "out_of_scope": "yes"}, "out_of_scope must be true or false"),
    ],
)
def test_wrong_fields_and_values_are_named(body, said):
    status, message = refused(body)
    assert status == (400 if said == "Infinity" else 422)
    assert said in message


def test_a_float_too_large_is_no_threshold():
    assert refused(b'{"text": "a", "threshold": 1e999}')[0] == 422
    assert refused(b'{"text": "a", "coverage": 1e-999}')[0] == 422


def test_too_much_is_too_large():
    assert refused({"texts": ["a"] * 4}) == (
        413,
        "4 texts are too many: send at most 3 in a request",
    )
    status, message = refused({"texts": ["a", "b" * 11]})
    assert status == 413
    assert message.startswith("text 2 has 11 characters: send at most 10")


def test_no_message_quotes_a_text():
    secret = "confidential"
    for body in ({"text": secret * 9}, {"texts": [secret * 9] * 9}, {"texts": [secret, "\ud800"]}):
        assert secret not in refused(body)[1]


@pytest.mark.parametrize(
    "repeated",
    [
        b"[],",
        b"{},",
        b"1,",
        b'"",',
        b'"\\\\",',
        b'"\\"",',
        b'"a":1,',
        b"[",
        b'"',
        b"1",
        b" ",
        b"\\",
        b'\\"',
    ],
)
def test_the_largest_bodies_take_no_time(repeated):
    most = Limits().body_bytes
    body = (b'{"texts": [' + repeated * (most // len(repeated)))[:most]
    before = time.process_time()
    assert refused(body, Limits())[0] in (400, 413)
    assert time.process_time() - before < 0.25  # 0.05 on a quiet machine


def test_a_long_body_of_texts_is_read_whatever_they_hold():
    texts = ['[{"a": 1}, \\', "\\" * 999, '"' * 998 + "\\", "[]," * 300] * 250
    for ascii_only in (True, False):
        body = json.dumps({"texts": texts}, ensure_ascii=ascii_only).encode()
        assert parse(body, Limits()).texts == texts
    assert refused({"texts": ["long" * 20] * 1_001}, Limits())[1].startswith("1,001 texts are")
    assert refused({"texts": ["", *[0] * 90_000]}, Limits())[1].startswith("the body has more than")


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12)),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["text", "texts", "top_k", "threshold", "explain", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=40)
@given(st.one_of(st.binary(max_size=40), JSON.map(lambda value: json.dumps(value).encode())))
def test_anything_is_read_or_refused(body):
    statuses = []
    try:
        texts = parse(body, LIMITS).texts
    except RefusedError as error:
        statuses.append(error.status)
    else:
        assert 1 <= len(texts) <= 3
        assert all(len(text) <= 10 and text.encode() is not None for text in texts)
    assert not set(statuses) - {400, 413, 422}
