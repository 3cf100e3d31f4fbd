"""torchvision's detectors of persons: everything is read from torchvision's own tables."""

from __future__ import annotations

from torchvision.models import WeightsEnum
from torchvision.models.detection import (
    FasterRCNN_MobileNet_V3_Large_FPN_Weights,
    FasterRCNN_ResNet50_FPN_V2_Weights,
    FasterRCNN_ResNet50_FPN_Weights,
)

from alphaction.zoo.entry import PublicWeights, hash_in_name
from alphaction.zoo.torchvision import MEBIBYTE


def _entry(name: str, what: str, weights: WeightsEnum) -> PublicWeights:
    file_name = weights.url.rpartition("/")[2]
    return PublicWeights(
        name=name,
        what=f"Faster R-CNN, {what}, COCO (torchvision)",
        kind="persons",
        source="torchvision",
        backbone="",
        page=f"https://pytorch.org/vision/stable/models/generated/torchvision.models.detection.{name}.html",
        file_name=file_name,
        url=weights.url,
        license="BSD-3-Clause",
        hash_prefix=hash_in_name(file_name),
        size=round(weights.meta["_file_size"] * MEBIBYTE),
        figure=f"{weights.meta['_metrics']['COCO-val2017']['box_map']} box mAP, COCO 2017",
    )


ENTRIES = (
    _entry("fasterrcnn_resnet50_fpn_v2", "ResNet-50 v2", FasterRCNN_ResNet50_FPN_V2_Weights.COCO_V1),
    _entry("fasterrcnn_resnet50_fpn", "ResNet-50", FasterRCNN_ResNet50_FPN_Weights.COCO_V1),
    _entry("fasterrcnn_mobilenet_v3_large_fpn", "MobileNetV3-Large", FasterRCNN_MobileNet_V3_Large_FPN_Weights.COCO_V1),
)
