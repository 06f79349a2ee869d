"""Few labels: unlabelled texts, pretrained vectors, and what to label next."""
