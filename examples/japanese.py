"""Classify Japanese reviews as they are, without a word segmenter or a language setting.

python examples/japanese.py
"""

from __future__ import annotations

from wave_network import WaveClassifier

GOOD = """\
とても美味しかったです
店員さんがとても親切でした
また来たいと思います
雰囲気が良くて落ち着きました
値段も安くて大満足です
料理がすぐに出てきて助かりました
景色が素晴らしかったです
デザートが本当に美味しい
家族みんな大満足でした
親切な対応で気持ちが良かった
コーヒーの香りが素晴らしい
友達にもすすめたい良い店です"""
BAD = """\
料理が冷めていて残念でした
店員の態度が悪かったです
値段が高すぎます
もう二度と行きません
注文を間違えられました
席が狭くて落ち着かない
一時間も待たされました
味が薄くてまずかったです
掃除が行き届かず汚い店でした
対応が悪くて気分を害した
スープがぬるくて残念
うるさくて最悪の時間でした"""


def main() -> None:
    """Train on two dozen reviews, then classify new ones and show the strongest token."""
    good, bad = GOOD.splitlines(), BAD.splitlines()
    labels = ["良い"] * len(good) + ["悪い"] * len(bad)
    classifier = WaveClassifier("tiny", epochs=60, batch_size=8, learning_rate=0.01, device="cpu")
    classifier.fit(good + bad, labels)
    for text in ("親切で美味しい店でした", "態度が悪くて残念でした"):
        explanation = classifier.explain(text)
        strongest = max(explanation.tokens, key=lambda token: token.attribution)
        print(f"{explanation.label}  {text}  ({text[strongest.start : strongest.end]})")


if __name__ == "__main__":
    main()
