"""Draw explanations and waves."""
