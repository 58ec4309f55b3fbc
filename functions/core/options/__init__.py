"""Options: what they are worth, when they expire and how, what they can lose, and what holding them requires.

Values and greeks are analytics, and floats on purpose: a model's value has no exact form. What is money, as payoff,
largest loss and margin, is Decimal and exact. docs/options.md has the models, units and sources.
"""
