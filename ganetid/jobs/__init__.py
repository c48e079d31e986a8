"""The journal of jobs, their locks and their runner."""
