"""Writes docs/reference/ from the code: one module per page, each with a function that gives the page's text."""
