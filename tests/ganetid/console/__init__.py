"""Consoles of guests."""
