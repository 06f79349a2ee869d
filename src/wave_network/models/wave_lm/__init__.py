"""The family `wave_lm`: the causal language model."""
