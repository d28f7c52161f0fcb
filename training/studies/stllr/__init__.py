"""Studies of S-TLLR: tables, rates, costs and pictures."""
