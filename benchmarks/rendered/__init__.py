"""What the weights that were trained on rendered people are worth on real videos, against random ones."""
