"""Pictures: curves of each factor and an overview of all variants. matplotlib's object interface, no global state."""
