"""
The command ``archipelago``.
"""
