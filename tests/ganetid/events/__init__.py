"""Tests of ganetid.events."""
