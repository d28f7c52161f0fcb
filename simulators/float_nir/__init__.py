"""Float networks of NIR, stepped in real numbers: what a quantised network is compared with."""
