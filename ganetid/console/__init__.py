"""What guests write on their serial port."""
