"""Training: prepare data and models, run the training loop, calibrate, and write the model."""
