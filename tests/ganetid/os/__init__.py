"""Operating systems of instances."""
