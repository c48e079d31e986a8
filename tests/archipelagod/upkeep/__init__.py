"""
Tests of archipelagod.upkeep.
"""
