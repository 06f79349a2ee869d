"""Training in one line."""

from wave_network.data import TrainingData
from wave_network.training.callbacks import SILENT
from wave_network.training.fit import fit as fit_recipe
from wave_network.training.recipe import Recipe

DATA = ("unlabeled", "background", "classes", "soft_labels")


def fit(training, validation, preset, config, *, progress=SILENT, stop=None, **options):
    """`fit` of a `TrainingData` and a `Recipe` of these options."""
    given = {name: options.pop(name) for name in DATA if name in options}
    data = TrainingData(training, validation, **given)
    return fit_recipe(data, Recipe(preset, config, **options), progress, stop)
