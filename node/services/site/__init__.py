"""What the public site shows and takes: without a key, and without the register."""
