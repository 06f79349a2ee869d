"""Small language models with random weights, and texts to learn from."""

from wave_network.config.wave_lm import WaveLMConfig
from wave_network.models.tensor_spec import initial_tensors
from wave_network.models.wave_lm.tensors import tensor_specs
from wave_network.persistence.language_model import LanguageModelFiles, write_language_model
from wave_network.text.byte_level import ByteLevelTokenizer

TEXTS = (
    "The parcel has not arrived yet, and nobody answers.",
    "My invoice is wrong: I was charged twice in May!",
    "Where do I find the manual of the app?",
    "El paquete no ha llegado todavía. 雨が降る \U0001f600",
)
METRICS = {"steps": 2, "training_bytes": 900, "validation": {"bytes": 90, "bits_per_byte": 4.5}}


def small_files(seed=0, objective="causal"):
    """The contents of the folder of a model that has learnt nothing."""
    tokenizer = ByteLevelTokenizer.learn(TEXTS * 3, 300)
    config = WaveLMConfig(
        vocab_size=tokenizer.start + (2 if objective == "masked" else 1),
        hidden_size=8,
        num_layers=2,
        feed_forward_size=12,
        objective=objective,
    )
    tensors = initial_tensors(tensor_specs(config), seed)
    tensors["embedding.weight"] *= 10
    return LanguageModelFiles(config, tensors, tokenizer, {"steps": 2})


def write_small(folder, **options):
    """Write such a model, and return its folder."""
    write_language_model(folder, small_files(**options), METRICS, [{"step": 2, "epoch": 1}])
    return folder
