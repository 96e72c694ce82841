"""How the free dog and its motions are made. Only the programs beside this package import it; mmxas never does."""
