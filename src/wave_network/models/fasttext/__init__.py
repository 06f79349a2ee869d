"""The family `fasttext`: models that fastText trained."""
