"""
Tests of archipelagod.datapath.
"""
