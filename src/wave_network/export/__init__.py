"""Export models to formats that other programs run, and quantise them."""
