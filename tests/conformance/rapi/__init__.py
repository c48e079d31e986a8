"""The remote API judged by Ganeti's own client and tools, and by what a real Ganeti answers."""
