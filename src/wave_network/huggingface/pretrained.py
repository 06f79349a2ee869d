"""Models of `transformers`: read whole or not at all, without a word, and never from a pickle."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from safetensors import SafetensorError

from wave_network.errors import ModelFolderError, extra_needed, first_line

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def read_pretrained(
    source: str, auto_class: str, name: str, *, may_lack: tuple[str, ...] = ()
) -> PreTrainedModel:
    """Read a model with its weights, in 32 bits.

    Args:
        source: A folder or a Hub id, with the weights as safetensors.
        auto_class: The class of `transformers` that makes it, such as `AutoModel`.
        name: What it is, for messages.
        may_lack: Beginnings of the names of weights that may be missing.

    Raises:
        ModelFolderError: If there is no such model, or it cannot be read.
        MissingExtraError: If `transformers` is not installed.
    """
    with extra_needed("transformers", f"a pretrained {name}"):
        import transformers

        reader = getattr(transformers, auto_class)
    try:
        with silence():
            # Safetensors alone: the other format, pickle, can run code. No code of the folder's
            # either, nor the question whether to run it, which a terminal would be asked.
            model, loading = reader.from_pretrained(
                source, use_safetensors=True, trust_remote_code=False, output_loading_info=True
            )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelFolderError(
            f"{source} has no {name} that can be read: {first_line(error)}"
        ) from error
    # Those would have been made up at random.
    missing = [key for key in loading["missing_keys"] if not key.startswith(may_lack)]
    if missing:
        raise ModelFolderError(f"{source} is no whole {name}: it has no weights {missing[0]}")
    return model.float()  # whatever it was stored as


@contextmanager
def silence() -> Iterator[None]:
    """Keep `transformers` from drawing a bar and a table for every model that it reads."""
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
