"""
One suite per interface, called with a factory.
"""
