"""The posterior density and what is read off it: percentiles, samples, surprise."""
