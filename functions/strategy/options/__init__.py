"""What the strategies in options share: their configs, when they enter, what they sell, and how they leave it."""
