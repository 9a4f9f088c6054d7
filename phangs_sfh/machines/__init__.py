"""Work spread over several machines: Dask clusters, TF_CONFIG."""
