"""What is printed: valid JSON, and nothing that a terminal obeys."""

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from wave_network.data.json_text import json_line

OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
HOSTILE = '\x00\x1b\x7f\x9b\u2028\u202e\u2066\\"\n'
TEXTS = st.text(st.one_of(st.characters(), st.sampled_from(HOSTILE)), max_size=20)


@given(st.dictionaries(TEXTS, st.one_of(TEXTS, st.lists(TEXTS, max_size=3)), max_size=4))
def test_a_line_of_json_is_read_back_and_obeyed_by_no_terminal(record):
    line = json_line(record)
    assert json.loads(line) == record
    assert not OBEYED.search(line)
    assert line.count("\n") == 1


def test_letters_of_all_scripts_stay_readable():
    assert json_line({"text": "Café, 雨, 🦙"}) == '{"text": "Café, 雨, 🦙"}\n'
