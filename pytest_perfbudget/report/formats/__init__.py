"""One output format a module: results in, text out."""
