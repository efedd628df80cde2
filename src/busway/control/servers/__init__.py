"""What a user does with a server, one module for each act; begin with `lifecycle`."""
