"""Programs of the administrator's that run before and after opcodes."""
