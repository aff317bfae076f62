"""Fresh processes that measure tests and return plain data, without any dependence on pytest."""
