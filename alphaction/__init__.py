"""AlphAction: spatio-temporal action detection with SlowFast backbones and Interaction Aggregation."""

__version__ = "1.0.0"
