"""
Tests of archipelagod.client.
"""
