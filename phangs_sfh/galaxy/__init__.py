"""The forward model: one physical effect per file, plain numpy."""
