"""Learning from few labels: unlabelled texts, pretrained vectors, what to label next."""
