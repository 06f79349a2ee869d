"""Texts in scripts without spaces are read in characters, with trigrams, and told apart."""

import numpy as np
import pytest
from fitting import fit

from wave_network.config import get_preset, override
from wave_network.data import from_memory
from wave_network.runtime import Engine

# Weather, food, money: words, and what stands around them.
WORDS = {
    "Japanese": [
        ["台風", "大雨", "気温", "吹雪"],
        ["寿司", "醤油", "料理", "味噌"],
        ["株価", "銀行", "税金", "円安"],
    ],
    "Chinese": [
        ["台风", "大雨", "气温", "暴雪"],
        ["面条", "酱油", "厨师", "豆腐"],
        ["股票", "银行", "税收", "汇率"],
    ],
    "Thai": [
        ["ฝนตก", "พายุ", "อากาศ", "หิมะ"],
        ["ข้าวผัด", "น้ำปลา", "ต้มยำ", "ขนม"],
        ["ธนาคาร", "หุ้น", "ภาษี", "เงินกู้"],
    ],
    "Khmer": [
        ["ភ្លៀង", "ព្យុះ", "អាកាស"],
        ["បាយ", "ម្ហូប", "ត្រី"],
        ["ធនាគារ", "ប្រាក់", "ពន្ធ"],
    ],
    "Korean": [
        ["태풍", "폭우", "기온", "폭설"],
        ["김치", "간장", "국수", "두부"],
        ["주가", "은행", "세금", "환율"],
    ],
}
AROUND = {
    "Japanese": ["昨日の", "について話した", "がまた", "と聞いた", "は本当に"],
    "Chinese": ["昨天的", "我们谈到", "又来了", "听说", "真的"],
    "Thai": ["เมื่อวานนี้", "เราพูดถึง", "อีกแล้ว", "ได้ยินว่า", "จริงๆ"],
    "Khmer": ["ម្សិលមិញ", "យើងនិយាយពី", "ម្ដងទៀត", "ពិតជា"],
    "Korean": ["어제", "이야기한", "다시", "들었다는", "정말"],
}


def write(language, count, seed):
    """Texts without spaces around a word of their topic."""
    random = np.random.default_rng(seed)
    texts, topics = [], []
    for index in range(count):
        topic = index % 3
        parts = [*random.choice(AROUND[language], 3), random.choice(WORDS[language][topic])]
        texts.append("".join(random.permutation(parts)))
        topics.append(topic)
    return texts, topics


@pytest.mark.parametrize("language", WORDS)
def test_topics_are_told_apart_without_spaces(language):
    preset = get_preset("tiny")
    texts, topics = write(language, 240, seed=0)
    config = override(preset.train, seed=0, refit=False, epochs=10)
    files = fit(from_memory(texts, topics), None, preset, config).files
    assert files.config.linear_ngrams == ("pair", "skip-pair", "triple")
    assert files.tokenizer.form.split
    unseen, truth = write(language, 90, seed=1)
    answers = Engine(files).predict_proba(unseen).argmax(axis=1)
    assert np.mean(answers == truth) >= 0.95


def test_ngrams_that_were_chosen_are_kept_and_other_scripts_have_the_presets():
    preset = get_preset("tiny")
    config = override(preset.train, seed=0, refit=False, epochs=1)
    rows = from_memory(*write("Thai", 60, seed=0))
    chosen = {"linear_ngrams": ("pair",)}
    assert fit(rows, None, preset, config, model_options=chosen).files.config.linear_ngrams == (
        "pair",
    )
    english = from_memory([f"rain and wind {i % 7}" for i in range(60)], [0, 1] * 30)
    files = fit(english, None, preset, config).files
    assert files.config.linear_ngrams == preset.model["linear_ngrams"]
    assert not files.tokenizer.form.split
