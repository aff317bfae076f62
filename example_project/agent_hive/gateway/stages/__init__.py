"""The stages of the gateway, in the order in which a call passes them; each is middleware around the next."""
