"""Figures of answers, maps and priors."""
