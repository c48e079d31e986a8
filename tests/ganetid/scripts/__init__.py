"""Scripts of others."""
