"""What we are held against: the usual ways to do the same, each written well in its own style."""
