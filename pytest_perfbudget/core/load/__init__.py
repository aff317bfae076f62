"""Load as numbers: what is asked for, when each request should start, and the latencies that were found."""
