"""From a trained module to an exported network, and whether both decide alike."""
