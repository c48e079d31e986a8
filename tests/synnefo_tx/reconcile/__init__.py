"""
Tests of synnefo_tx.reconcile.
"""
