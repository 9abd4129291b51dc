"""Reads what a prober wrote, for every view: the terminal, the page and `--json` show the same snapshot."""
