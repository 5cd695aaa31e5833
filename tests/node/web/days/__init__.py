"""Whole days of people over several countries, in one sandbox that ends with the last of them."""
