"""
Where objects and records are kept.
"""
