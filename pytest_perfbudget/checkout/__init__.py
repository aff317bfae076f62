"""The checkout of another commit beside the working tree, and checks that a process runs that commit's code."""
