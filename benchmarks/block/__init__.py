"""
Speed, memory and scale of archipelagod, beside qemu-nbd and nbdkit in the same run.
"""
