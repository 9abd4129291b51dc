"""Many machines: who they are, what they have, which are fit, what each gets."""
