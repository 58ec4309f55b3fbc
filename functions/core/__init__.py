"""The ground floor: the shared vocabulary of every function. Imports nothing above it."""
