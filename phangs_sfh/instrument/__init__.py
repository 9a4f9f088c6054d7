"""What was observed with, and what air, lines and sampling do to wavelengths."""
