"""What the console shows of the public site."""
