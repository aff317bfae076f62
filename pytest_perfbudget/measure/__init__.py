"""Taking numbers from running code; what they mean is decided in `core`."""
