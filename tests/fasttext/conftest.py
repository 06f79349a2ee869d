import pytest
from fasttext_models import PLACE

from wave_network import fasttext


@pytest.fixture(scope="session")
def trained():
    """A model of ours, trained with the archived module's arguments."""
    return fasttext.train_supervised(
        str(PLACE / "test.txt"), lr=1.0, epoch=2, wordNgrams=2, thread=2, seed=1
    )
