"""Learn word vectors from texts without labels."""
