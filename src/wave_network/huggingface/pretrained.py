"""Load models of `transformers`, complete or not at all, silently, and never from a pickle."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wave_network.errors import ModelFolderError, extra_needed, first_line
from wave_network.huggingface.ids import split_revision

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def read_pretrained(
    source: str, auto_class: str, name: str, *, may_lack: tuple[str, ...] = ()
) -> PreTrainedModel:
    """Load a model with its weights, as float32.

    Args:
        source: A folder or a Hub id, as for `place_of`, with the weights as safetensors.
        auto_class: The class of `transformers` that loads it, such as `AutoModel`.
        name: The kind of model, for messages.
        may_lack: Prefixes of the names of weights that may be missing.

    Raises:
        ModelFolderError: If there is no such model, or it cannot be loaded.
        MissingExtraError: If `transformers` is not installed.
    """
    with extra_needed("transformers", f"a pretrained {name}"):
        import transformers

        reader = getattr(transformers, auto_class)
    place, revision = place_of(source)
    try:
        with silence():
            # Only safetensors: the other format, pickle, can run code. `trust_remote_code=False`
            # also keeps transformers from asking whether to run the folder's code.
            model, loading = reader.from_pretrained(
                place,
                revision=revision,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
    except Exception as error:  # transformers lets whatever goes wrong with a configuration through
        raise ModelFolderError(
            f"{source} has no {name} that can be loaded: {first_line(error)}"
        ) from error
    # transformers would initialise these at random.
    missing = [key for key in loading["missing_keys"] if not key.startswith(may_lack)]
    if missing:
        raise ModelFolderError(f"{source} is not a complete {name}: it has no weights {missing[0]}")
    return model.float()  # it may be stored in another precision


def place_of(source: str) -> tuple[str, str]:
    """Return the folder, or the repository on the Hub, and its revision, as `transformers` asks.

    Args:
        source: A folder, `OWNER/NAME` or `OWNER/NAME@REVISION`.
    """
    repository, revision = (source, None) if os.path.isdir(source) else split_revision(source)
    return repository, revision or "main"


@contextmanager
def silence() -> Iterator[None]:
    """Suppress the progress bar and the table that `transformers` prints for every model."""
    from transformers.utils import logging

    verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bar:
            logging.enable_progress_bar()
