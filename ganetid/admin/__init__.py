"""What an administrator tells a daemon on its own machine: the command and the socket it uses."""
