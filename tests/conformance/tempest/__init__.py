"""Tempest as a judge: its installation, its runs and what they found."""
