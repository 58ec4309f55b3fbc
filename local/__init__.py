"""The cloud on one machine: no Docker, no account. Top floor: may import everything below it."""
