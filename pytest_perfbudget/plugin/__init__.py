"""The hooks: the only folder that knows pytest."""
