"""Where a guest's disks live."""
