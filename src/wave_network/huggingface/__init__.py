"""The Hugging Face Hub and its libraries: ids, downloads, publishing, pretrained models."""
