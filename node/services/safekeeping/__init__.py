"""A node that was lost: backup, restore, learning the newest head, verifying the disk."""
