"""
What the block protocol's server does for each operation.
"""
