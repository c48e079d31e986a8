"""
What a project has, for others to try to reach: each file has `made(cloud)`, which gives ids of
ALICE's by the beginning of the routes that name them, and BODIES: "METHOD route" -> a body that
ALICE could send there.
"""
