"""
Reconciliation's units of work.
"""
