"""
Tests of archipelagod.volume.
"""
