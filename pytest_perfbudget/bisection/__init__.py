"""The command `perfbudget bisect`: the search for the commit that made a test slower, by a duet for each step."""
