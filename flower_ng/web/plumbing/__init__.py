"""Routes that are neither pages nor the API: files, probes, metrics, the live stream."""
