"""Programs of others that ganetid calls by a fixed interface: found, run and logged."""
