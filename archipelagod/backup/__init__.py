"""
Copies of volumes outside the store: whole, or what changed between two snapshots.
"""
