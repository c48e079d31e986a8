"""
What is asked of clusters for each change of the cloud, a family a file.  Pure.
"""
