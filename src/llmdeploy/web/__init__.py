"""One page with live charts, served on loopback; it needs no network."""
