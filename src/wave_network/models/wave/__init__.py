"""The papers' model: one or more wave layers over a whole text."""
