"""The network: backbones, the ROI action head, interaction structures, and the detector that they make up."""
