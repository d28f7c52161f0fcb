"""SpikeSCR: a spiking transformer of one or more blocks, trained in torch with the integers that are exported."""
