"""The generators of load: each sends the requests of a plan, in its own kind of concurrency, and records them."""
