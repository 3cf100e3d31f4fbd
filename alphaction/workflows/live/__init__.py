"""Actions in a stream, while it runs: cameras, network streams, and files read as if they were live."""
