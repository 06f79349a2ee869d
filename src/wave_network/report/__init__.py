"""The report on a model's predictions for labelled texts, as a web page.

`content` measures and `page` renders; `label_errors`, `duplicates` and `reliability` each compute
one part.
"""
