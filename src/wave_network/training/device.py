"""Choose the device to train on."""

from __future__ import annotations

import torch

from wave_network.config import Device
from wave_network.errors import ConfigError, option_name


def resolve_device(name: Device) -> torch.device:
    """Return a device by name; `auto` is the first available of CUDA, MPS and CPU.

    Raises:
        ConfigError: If it is not available.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(device for device, found in available.items() if found))
    if not available[name]:
        raise ConfigError(f"no {name} device here: set {option_name('device')} to cpu or auto")
    return torch.device(name)
