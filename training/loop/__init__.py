"""What every recipe's loop needs: batches, epochs, checkpoints, optimiser, run folder."""
