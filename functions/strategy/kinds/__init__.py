"""The built-in strategies, one small file each."""
