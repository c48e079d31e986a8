"""
The HTTP API of people, below /account/v1.0/people.
"""
