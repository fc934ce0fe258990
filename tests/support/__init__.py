"""What several tests need: servers, builders, waiting, processes."""
