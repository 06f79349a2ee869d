"""The model folder: its layout, reading, writing, card and quantisation."""
