"""What one node does for its instances."""
