"""What the rules know beside the book itself: one module for each kind of fact, made once per order."""
