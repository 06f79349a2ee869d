"""The Hugging Face Hub and its libraries: names, downloads, pushing, pretrained models."""
