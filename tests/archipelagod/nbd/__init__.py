"""
Tests of archipelagod.nbd.
"""
