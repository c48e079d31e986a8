"""
People who sign up by themselves.
"""
