"""Recognise what a user wants from a voice assistant, in a fraction of a millisecond.

python examples/intents.py
"""

from __future__ import annotations

import time

from wave_network import WaveClassifier

INTENTS = {
    "set_timer": """\
set a timer for ten minutes
timer for half an hour please
start a five minute timer
wake me in twenty minutes
count down from sixty seconds
remind me in an hour to stir the soup
set an egg timer
give me a timer of two hours
start the countdown for the pasta
timer, ninety seconds""",
    "play_music": """\
play some jazz
put on the new album
I want to hear a piano concerto
play my running playlist
next song please
turn on the radio
play something quiet
put this song on repeat
shuffle my favourite songs
play the album again from the start""",
    "weather": """\
will it rain tomorrow
how cold is it outside
do I need an umbrella today
what is the forecast for Sunday
is it sunny in Rome
how windy will it get tonight
is there snow in the mountains
what is the temperature now
will there be a storm this evening
is it going to freeze tonight""",
    "lights": """\
turn off the lights
dim the lamp in the bedroom
make the kitchen brighter
lights on
switch the lamp to blue
turn on the light in the hall
all lamps off please
make the light warmer
dim the lights to half
switch off the bedside lamp""",
}


def main() -> None:
    """Train on ten sentences for each intent, then classify new ones and time it."""
    rows = [(text, intent) for intent, texts in INTENTS.items() for text in texts.splitlines()]
    texts, labels = zip(*rows, strict=True)
    classifier = WaveClassifier("tiny", epochs=60, batch_size=8, learning_rate=0.01, device="cpu")
    classifier.fit(texts, labels)
    new = ["set a timer for the eggs", "play an album", "will it snow", "turn the lamp off"]
    for text, intent in zip(new, classifier.predict(new), strict=True):
        print(f"{intent:<12} {text}")
    started = time.perf_counter()
    for _ in range(100):
        classifier.predict(new[:1])
    print(f"one sentence: {(time.perf_counter() - started) * 10:.2f} ms")


if __name__ == "__main__":
    main()
