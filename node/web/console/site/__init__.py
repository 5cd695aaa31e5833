"""The public site, as the member's own people make it and see it: look, pages, numbers, library, posters."""
