"""Events to traders' own addresses: claimed, sent signed to a public address only, told how it went."""
