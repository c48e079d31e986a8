"""Ganeti's remote API: routes as data, HTTPS, Basic auth."""
