"""
Reconciliation: what the rows say beside what the clusters have, and making them agree.
"""
