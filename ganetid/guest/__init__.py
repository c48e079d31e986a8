"""What a guest is told at its first boot."""
