"""Scripts without spaces between words are split into characters, in the same way everywhere."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import models
from vocabularies import learn_tokenizer

from wave_network.text import TextTokenizer
from wave_network.text import vocabulary as module
from wave_network.text.scripts import characters_within, share_of, split_word
from wave_network.text.vocabulary import SPACE_MARK, Form, add_words, form_of

PARTS = {
    "東京で新しいパンとバナナ": "東 京 で 新 し い パ ン と バ ナ ナ",
    "新しいバージョン3を買う": "新 し い バ ー ジ ョ ン 3 を 買 う",
    "ห้องน้ำในกรุงเทพ": "ห้ อ ง น้ํา ใ น ก รุ ง เ ท พ",
    "ຫ້ອງນ້ຳ": "ຫ້ ອ ງ ນ້ໍາ",
    "ខ្ញុំស្រឡាញ់ភាសា": "ខ្ញុំ ស្រ ឡា ញ់ ភា សា",
    "မြန်မာစာ": "မ ြ န ် မ ာ စ ာ",
    "བོད་ཀྱི་སྐད་ཡིག": "བོད ་ ཀྱི ་ སྐད ་ ཡིག",
    "서울에서": "서 울 에 서",
    "ไทย\u200bลาว": "ไ ท ย \u200b ล า ว",
    "2024年GDP增长": "2024 年 gdp 增 长",
    "The café, naïve кот": "the café , naïve кот",
}
RANGES = [
    (0x20, 0x250),
    (0xE00, 0x1100),
    (0x1780, 0x1800),
    (0x2000, 0x2100),
    (0x3000, 0x3200),
    (0x4E00, 0x4E20),
    (0xAA60, 0xAA80),
    (0xAC00, 0xAC20),
    (0xFF00, 0xFFEE),
    (0x20000, 0x20010),
]
LETTERS = [chr(code) for start, end in RANGES for code in range(start, end)]


SPLIT, SPACES = Form(split=True), Form(split=True, spaces=True)
FORMS = [Form(), Form(cased=True), SPLIT, SPACES, Form(split=True, spaces=True, cased=True)]


def split(text):
    tokenizer = module.wordless(SPLIT)
    normal = tokenizer.normalizer.normalize_str(text)
    return [word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normal)]


@pytest.mark.parametrize("text", PARTS)
def test_characters_stand_alone_with_their_marks(text):
    assert [module.text_of(word) for word in split(text)] == PARTS[text].split()


@given(st.text(st.sampled_from(LETTERS), max_size=12))
@settings(max_examples=500, deadline=None)
def test_words_that_were_counted_split_as_the_tokenizer_splits_texts(text):
    counts, _ = module._count_words([text], 99, module.wordless(Form()), Form())
    assert module._split_words(counts) == Counter(split(text))


def test_bytes_are_spelt_as_the_library_spells_them():
    assert sorted(module.BYTES) == module._ALPHABET


def test_text_of_other_scripts_is_one_part():
    assert split_word("перепёлка") == ["перепёлка"]
    assert split_word("") == []


def test_what_belongs_to_such_scripts_is_counted():
    assert characters_within("abc 東京 パン") == 4
    assert share_of(["ab 東京", "", "パン cd"]) == 0.5
    assert share_of([]) == 0


def test_texts_in_other_scripts_keep_their_tokenizer():
    texts = ["Heavy rain in Tokyo.", "ein Café in Köln", "дождь в Москве"] * 9
    plain = learn_tokenizer(texts, 600)
    assert "Split" not in plain.to_str()
    few = learn_tokenizer([*texts, "東京"] * 3, 600)  # 2 of 400 characters
    assert "Split" not in few.to_str()


def test_a_share_of_such_texts_is_split():
    texts = ["Heavy rain in Tokyo.", "東京で雨が降った。"] * 9
    tokenizer = TextTokenizer.train(texts, 600, 64)
    assert tokenizer.form == SPLIT
    ids = tokenizer.encode(["東京で雨", "雨が京で"]).ids
    assert len(ids) == 10
    assert set(ids[1:5]) & set(ids[6:]) == {ids[2], ids[3], ids[4]}  # 京, で and 雨


def test_spaces_are_not_read_where_there_are_hardly_any():
    few = ["東京で雨が降った。" * 12, "東京で雨 が降った。"]
    assert learnt_form(few) == SPLIT
    assert learnt_form([*few, "서울에 비"]) == SPACES


def learnt_form(texts):
    return form_of(learn_tokenizer(texts, 600))


def test_spaces_are_read_where_most_characters_are_split():
    tokenizer = TextTokenizer.train(["어제 서울에 비", "東京で雨が降った。"] * 9, 600, 64)
    assert tokenizer.form == SPACES
    ids = tokenizer.encode(["  서울에\u3000 비\n", "서울에비"]).ids.tolist()
    mark = tokenizer._tokenizer.token_to_id("Ġ" + module._spelt(SPACE_MARK))
    assert [index == mark for index in ids[:8]] == [False, True, *[False] * 3, True, False, False]
    assert [index for index in ids[:7] if index != mark] == [i for i in ids[7:] if i != mark]


@pytest.mark.parametrize("text", PARTS)
def test_splitting_survives_saving_and_gives_the_ids_of_the_wrapped_tokenizer(text, tmp_path):
    tokenizer = TextTokenizer.train([*PARTS, "서울에 비가 온다"] * 2, 900, 64)
    tokenizer.save(tmp_path)
    again = TextTokenizer.load(tmp_path, 64)
    assert again.form == tokenizer.form == SPACES
    twice = f"{text} {text}\n{text}"
    expected = tokenizer.standalone().encode(twice).ids
    for each in (tokenizer, again):
        assert each.encode([twice]).ids.tolist() == expected


def test_spans_cover_the_characters_of_a_text():
    tokenizer = TextTokenizer.train([*PARTS] * 2, 900, 64)
    text = "ห้องน้ำ東京\nབོད་ཀྱི་"
    found = [text[start:end] for start, end, _, _ in tokenizer.spans(text)]
    assert found == ["ห้", "อ", "ง", "น้ำ", "東", "京", "བོད", "་", "ཀྱི", "་"]


def test_added_words_of_a_splitting_tokenizer_are_characters_and_other_words():
    tokenizer = learn_tokenizer(["東京で雨", "東京で雨"], 400)
    grown, _ = add_words(tokenizer, ["東京に library", "東京に library"], 10)
    added = grown.get_vocab().keys() - tokenizer.get_vocab().keys()
    assert {module.text_of(word) for word in added} == {"に", "library"}


@pytest.mark.parametrize("form", FORMS)
@given(text=st.text(st.sampled_from([*LETTERS, *" \n\t\u3000Aa"]), max_size=12))
@settings(max_examples=200, deadline=None)
def test_a_text_has_the_tokens_of_its_words_in_every_form(form, text):
    tokenizer = module.wordless(form)
    tokenizer.model = models.BPE({letter: i for i, letter in enumerate(module._ALPHABET)}, [])
    tokenizer.model.ignore_merges = True
    assert form_of(tokenizer) == form

    def ids(part):
        return tokenizer.encode(part).ids

    words = text.replace("\n", " ").split(" ")
    assert ids(text) == [index for word in words for index in ids(word)]


def test_case_is_kept_on_request_and_survives_saving(tmp_path):
    texts = ["CALL now", "call Now", "we CALL, you call"] * 9
    tokenizer = TextTokenizer.train(texts, 600, 64, cased=True)
    tokenizer.save(tmp_path)
    for each in (tokenizer, TextTokenizer.load(tmp_path, 64)):
        assert each.form == Form(cased=True)
        shouted, called = each.encode(["CALL now"] * 600).ids[:3], each.encode(["call now"]).ids
        assert shouted[1] != called[1]
        assert shouted[2] == called[2]
