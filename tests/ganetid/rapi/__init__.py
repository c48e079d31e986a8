"""The remote API."""
