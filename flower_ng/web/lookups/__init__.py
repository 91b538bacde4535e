"""What pages and the API read alike from the cluster."""
