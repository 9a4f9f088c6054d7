"""What runs the work: Dask clusters, TF_CONFIG, and a TensorFlow that starts silently."""
