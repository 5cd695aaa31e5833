"""A case in the words of its reader: shared by the console and the public site."""
