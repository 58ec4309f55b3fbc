"""The data-quality gate: it judges what comes in, without a clock, a store or a wire. See docs/market-data.md."""
