"""
Looking after a store: space of what was deleted, and whether all is well.
"""
