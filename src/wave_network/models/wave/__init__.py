"""The papers' model: one or more wave layers over the whole text."""
