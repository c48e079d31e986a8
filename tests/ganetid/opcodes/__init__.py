"""What jobs can do."""
