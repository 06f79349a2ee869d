"""What to label next: the texts whose labels would teach a model most."""
