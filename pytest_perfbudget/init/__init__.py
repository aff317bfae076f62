"""The command `perfbudget init`: the first configuration of a project, budgets from a measured session, workflows."""
