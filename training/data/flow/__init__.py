"""Optical flow with exact truth: event sequences, rendered from photographs that move by known homographies."""
