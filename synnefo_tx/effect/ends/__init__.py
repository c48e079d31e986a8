"""
What follows in the rows from the ends of tasks, a family a file.
"""
