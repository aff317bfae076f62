"""Another commit of the project beside the working tree, and whether a process runs that commit's code."""
