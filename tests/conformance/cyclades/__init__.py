"""Tempest's compute, network, volume and scenario tests as judges of the whole cloud."""
