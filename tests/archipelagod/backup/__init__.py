"""
Tests of archipelagod.backup.
"""
