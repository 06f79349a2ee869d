"""A model's report: what it gets right and wrong on labelled texts, as one web page.

`content` measures, `page` draws; `label_errors`, `duplicates` and `reliability` each answer one
question about the texts.
"""
