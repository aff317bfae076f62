"""An agent: a server that announces itself and offers skills."""
