"""
Rows of people.
"""
