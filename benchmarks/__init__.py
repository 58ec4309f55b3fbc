"""Side-by-side benchmarks: what our layers cost over the raw floor, measured in one run on one machine."""
