"""Rates, memory and where the time goes: docs/choices.md, scale.md, serving.md."""
