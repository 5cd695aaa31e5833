"""What every command stands on: what people type, what is printed, and what goes wrong."""
