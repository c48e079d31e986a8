"""
Volumes: maps from an index to an object, and what may be done with them.
"""
