"""The journal for those who audit: is it whole, who did what, and copies that can be checked elsewhere."""
