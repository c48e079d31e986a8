"""News of jobs and guests, on their way to the event bus."""
