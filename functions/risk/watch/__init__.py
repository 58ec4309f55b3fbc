"""What is looked at after the trade: each module watches one kind of limit, and says what broke it."""
