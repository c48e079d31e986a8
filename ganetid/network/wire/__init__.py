"""What a node answers on its guests' wires: frames in, frames out."""
