"""Pretrain a language model: read files as token ids, train, write its folder."""
