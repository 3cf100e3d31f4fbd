"""A small model whose names are like the detector's."""

from __future__ import annotations

import torch
from torch import nn


class Pathway(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(3, width, 1, bias=False)
        self.bn1 = nn.BatchNorm3d(width)


class Detector(nn.Module):
    """backbone.{slow,fast}.{conv1,bn1} and roi_heads.action.{feature_extractor.fc1,predictor.cls_score}."""

    def __init__(self, classes: int = 3, slow: int = 4, fast: int = 2, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.backbone = nn.ModuleDict({"slow": Pathway(slow), "fast": Pathway(fast)})
        head = nn.ModuleDict(
            {
                "feature_extractor": nn.ModuleDict({"fc1": nn.Linear(6, 5)}),
                "predictor": nn.ModuleDict({"cls_score": nn.Linear(5, classes)}),
            }
        )
        self.roi_heads = nn.ModuleDict({"action": head})
