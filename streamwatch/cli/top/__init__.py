"""``streamwatch top``: what the page shows, live in a terminal."""
