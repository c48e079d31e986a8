"""
Tests of archipelagod.stores.
"""
