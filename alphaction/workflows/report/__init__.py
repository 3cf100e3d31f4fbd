"""A run's folder -> one HTML file that shows what the training did and where the detector fails."""
