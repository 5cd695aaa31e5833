"""Cases that move from one member to another: handing over, and taking over."""
