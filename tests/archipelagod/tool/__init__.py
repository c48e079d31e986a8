"""
Tests of archipelagod.tool.
"""
