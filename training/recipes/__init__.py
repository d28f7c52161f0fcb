"""Recipes: each trains a network from data to an exported file."""
