"""The model folder: layout, reading, writing, model card and quantisation."""
