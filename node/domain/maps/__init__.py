"""Small maps: outlines, borders and towns, and what of them a view shows."""
