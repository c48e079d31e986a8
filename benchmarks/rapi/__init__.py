"""How fast ganetid answers, beside a real Ganeti."""
