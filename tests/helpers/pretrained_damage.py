"""Ways in which a folder of transformers can be damaged, whatever model is in it."""

import torch
from safetensors.torch import load_file, save_file


def damage_weights(folder):
    (folder / "model.safetensors").write_bytes(b"no weights")


def leave_out(name):
    """Take one weight away."""

    def damage(folder):
        tensors = load_file(folder / "model.safetensors")
        del tensors[name]
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})

    return damage


def pickle_the_weights(folder):
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
