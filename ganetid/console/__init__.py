"""Guests' consoles: what was written on the serial port, and the proxy that leads to them."""
