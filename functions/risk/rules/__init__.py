"""The rules, one small file each. `functions.risk.assess.RULES` is their order."""
