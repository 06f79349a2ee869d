"""Texts in many languages: nothing unknown, nothing confused, and fewer tokens than bytes."""

import unicodedata
from itertools import pairwise

import pytest

from wave_network.text import TextTokenizer

ENGLISH = [
    "The council approved the new library after a long debate.",
    "Heavy rain delayed the second half of the match.",
    "Shares of the chip maker fell after a weak forecast.",
    "Researchers found a new species of frog in the river.",
    "The minister will meet the unions on Monday.",
]
LANGUAGES = {
    "Japanese": [
        "東京で新しい図書館が開館しました。",
        "昨日の試合は雨のために中止になりました。",
        "東京の株価は昨日より大きく下がりました。",
        "研究者は川で新しい種類のカエルを見つけました。",
        "新しい首相は昨日の会議でパンとバナナを配りました。",
        "東京の新しい研究は昨日の会議で発表されました。",
    ],
    "Chinese": [
        "北京的新图书馆昨天正式开放。",
        "昨天的比赛因为大雨被取消了。",
        "北京的股票价格昨天大幅下跌。",
        "研究人员在河里发现了新的青蛙品种。",
        "新的总理昨天参加了北京的会议。",
        "研究人员昨天在北京的会议上发表了新的报告。",
    ],
    "Thai": [
        "ห้องสมุดใหม่ในกรุงเทพเปิดให้บริการเมื่อวานนี้",
        "การแข่งขันเมื่อวานนี้ถูกยกเลิกเพราะฝนตกหนัก",
        "ราคาหุ้นในกรุงเทพลดลงอย่างมากเมื่อวานนี้",
        "นักวิจัยพบกบชนิดใหม่ในแม่น้ำ",
        "นายกรัฐมนตรีเข้าร่วมการประชุมในกรุงเทพ",
        "นักวิจัยเข้าร่วมการประชุมใหม่เมื่อวานนี้",
    ],
    "Korean": [
        "서울에서 새로운 도서관이 문을 열었습니다.",
        "어제 경기는 비 때문에 취소되었습니다.",
        "서울의 주가는 어제 크게 떨어졌습니다.",
        "연구원들은 강에서 새로운 개구리를 발견했습니다.",
        "새로운 총리는 어제 서울에서 회의를 열었습니다.",
        "연구원들은 어제 서울에서 새로운 회의를 열었습니다.",
    ],
    "Arabic": [
        "افتتحت المكتبة الجديدة في المدينة أمس.",
        "ألغيت المباراة أمس بسبب المطر الغزير.",
        "انخفضت أسعار الأسهم في المدينة أمس.",
        "وجد الباحثون نوعا جديدا من الضفادع في النهر.",
        "شارك الوزير في الاجتماع الجديد أمس.",
        "شارك الباحثون في الاجتماع في المدينة أمس.",
    ],
    "Hindi": [
        "दिल्ली में नया पुस्तकालय कल खुल गया।",
        "कल का मैच बारिश के कारण रद्द हो गया।",
        "दिल्ली में शेयरों की कीमत कल गिर गई।",
        "शोधकर्ताओं ने नदी में मेंढक की नई प्रजाति खोजी।",
        "नए मंत्री ने कल दिल्ली में बैठक की।",
        "शोधकर्ताओं ने कल दिल्ली में नई बैठक की।",
    ],
    "Finnish": [
        "Uusi kirjasto avattiin eilen Helsingissä.",
        "Eilinen ottelu peruttiin rankkasateen takia.",
        "Osakkeiden hinnat laskivat eilen Helsingissä.",
        "Tutkijat löysivät joesta uuden sammakkolajin.",
        "Uusi ministeri tapasi tutkijat eilen.",
        "Uudet tutkijat tapasivat eilen Helsingissä.",
    ],
    "Russian": [
        "Новая библиотека открылась вчера в Москве.",
        "Вчерашний матч отменили из-за сильного дождя.",
        "Цены на акции вчера упали в Москве.",
        "Исследователи нашли в реке новый вид лягушек.",
        "Новый министр вчера провёл встречу в Москве.",
        "Исследователи вчера провели новую встречу в Москве.",
    ],
}
# Pairs that differ in one mark, which a normalizer that strips accents would make equal.
MINIMAL_PAIRS = [
    ("パン", "バン"),
    ("कल", "कील"),
    ("मत", "मात"),
    ("ไม่", "ไม้"),
    ("sää", "saa"),
    ("все", "всё"),
    ("عَلِم", "عُلِم"),
]


@pytest.fixture(scope="module")
def english():
    return TextTokenizer.train(ENGLISH * 3, 400, 256)


def rows(tokenizer, texts):
    ids, offsets = tokenizer.encode(texts)
    return [tuple(ids[a:b].tolist()) for a, b in pairwise(offsets)]


def decoded(tokenizer, text):
    """The text that the ids stand for."""
    return tokenizer._tokenizer.decode(rows(tokenizer, [text])[0][1:])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_tokenizer_of_english_alone_tells_every_sentence_apart(english, language):
    encoded = rows(english, LANGUAGES[language])
    assert len(set(encoded)) == len(encoded)
    assert all(len(set(row)) > 5 for row in encoded)


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_lost_but_case_and_spacing(english, language):
    for text in LANGUAGES[language]:
        folded = unicodedata.normalize("NFKC", text).lower()
        assert decoded(english, text).replace(" ", "") == folded.replace(" ", "")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_trained_on_takes_far_fewer_tokens_than_bytes(language):
    *training, unseen = LANGUAGES[language]
    tokenizer = TextTokenizer.train(training, 2_000, 256)
    spaces = unseen.count(" ") + 1 if tokenizer.form.spaces else 0
    assert len(rows(tokenizer, [unseen])[0]) - spaces < 0.7 * len(unseen.encode())


@pytest.mark.parametrize(("one", "other"), MINIMAL_PAIRS)
def test_marks_that_make_another_word_are_kept(english, one, other):
    first, second = rows(english, [one, other])
    assert first != second


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("caf\u00e9", "cafe\u0301"),
        ("Ünï", "ünï"),
        ("ＡＢＣ１２", "abc12"),
        ("ｶﾞ", "ガ"),
        ("ﷺ".lower(), unicodedata.normalize("NFKC", "ﷺ")),
        ("a\u00a0b", "a b"),
        ("東京\u3000大阪", "東京 大阪"),
        ("one\n\ttwo", "one two"),
    ],
)
def test_variants_of_the_same_text_are_the_same(english, one, other):
    first, second = rows(english, [one, other])
    assert first == second


def test_a_word_starts_with_another_piece_than_the_same_letters_inside_a_word():
    tokenizer = TextTokenizer.train(["art party artist smart art"] * 9, 400, 64)
    assert tokenizer.tokens(rows(tokenizer, ["art party"])[0]) == ["[CLS]", " art", " party"]
    start, inside = rows(tokenizer, ["art", "qqart"])
    assert start[-1] != inside[-1]


def test_punctuation_stands_alone():
    tokenizer = TextTokenizer.train(["(well), it's 3.5%"] * 9, 400, 64)
    pieces = tokenizer.tokens(rows(tokenizer, ["(well), it's 3.5%"])[0])
    assert "".join(pieces) == "[CLS] ( well ) , it ' s 3 . 5 %"
