"""Pages of the documentation site that are made from the code and the tables of results, when the site is built."""
