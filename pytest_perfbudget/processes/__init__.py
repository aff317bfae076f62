"""Fresh processes that measure tests and hand back plain data; knows nothing of pytest."""
