"""The controller's side of a session that pytest-xdist distributes over several processes."""
