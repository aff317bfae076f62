"""The doctor, which runs the gate on this machine to find its noise and the slowdowns that the gate can catch here."""
