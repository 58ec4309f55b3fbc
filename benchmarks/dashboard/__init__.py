"""What a trader sees of the dashboard, and how soon: rows from commit to pixel, a storm of them, the first paint."""
