"""Speed measurements, and studies that use the framework without being part of it."""
