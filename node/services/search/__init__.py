"""Finding cases over the whole federation, and opening one: for which purpose, and where it comes from."""
