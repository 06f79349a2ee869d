"""What fastText's users bring: its command lines."""
