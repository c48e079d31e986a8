"""
Tests of archipelagod.wire.
"""
