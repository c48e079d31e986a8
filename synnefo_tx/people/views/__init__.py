"""
People as the API tells of them.
"""
