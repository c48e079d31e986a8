"""
Crash consistency of archipelagod: daemons that die, disks that fail, and what must be left.
"""
