"""Bridges, taps, DHCP and masquerading of one node."""
