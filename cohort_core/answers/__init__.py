"""What the routes of the API have in common: how they are asked, the shape of lists, how errors look."""
