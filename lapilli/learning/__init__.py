"""Parts of `lapilli learn`: where samples come from, and what becomes of them."""
