"""
Tests of archipelagod.
"""
