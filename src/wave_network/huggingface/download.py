"""Files from the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path

from wave_network.errors import ModelFolderError, first_line


def hub_file(hub_id: str, name: str) -> Path:
    """A file of a repository on the Hub, from the cache or downloaded.

    Args:
        hub_id: `OWNER/NAME`.
        name: The file's name.

    Raises:
        ModelFolderError: If it cannot be had.
    """
    # Slow to import, and seldom needed.
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    cached = try_to_load_from_cache(hub_id, name)
    if isinstance(cached, str):
        return Path(cached)
    try:
        check_network()
        return Path(hf_hub_download(hub_id, name))
    except Exception as error:  # the Hub's client lets the errors of several libraries through
        raise ModelFolderError(
            f"there is no folder {hub_id}, and {name} of {hub_id} cannot be had from the "
            f"Hugging Face Hub ({first_line(error)}); give a local folder that holds it instead"
        ) from error


def check_network() -> None:
    """Notice a missing network at once: the Hub's client would retry for half a minute.

    Raises:
        OSError: If nothing answers. With a proxy, or offline by choice, the client finds out.
    """
    import socket
    from urllib.parse import urlsplit
    from urllib.request import getproxies

    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE or getproxies():
        return
    hub = urlsplit(constants.ENDPOINT)
    port = hub.port or (443 if hub.scheme == "https" else 80)
    socket.create_connection((hub.hostname or "", port), timeout=5).close()
