"""Tempest's identity tests as judges of the identity API."""
