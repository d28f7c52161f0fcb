"""Files of events and arrays, and archives of strangers."""
