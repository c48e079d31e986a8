"""
Real guests, on emulated processors: how soon they run, how long a journey stops them, how many fit.
"""
