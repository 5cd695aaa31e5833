"""The public site, as the member's own people make it: its look, pages, numbers and library; its posters."""
