"""Code to build the free dog and its motions. Only the scripts next to this package import it, never mmxas."""
