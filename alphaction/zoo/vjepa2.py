"""V-JEPA 2 (Assran et al., arXiv 2506.09985), as Hugging Face's transformers has it. No figure on Kinetics or AVA.

It was trained on longer clips; those here are what other transformers are finetuned with on AVA. Only the ViT-L says
MIT; at Hugging Face the larger ones say Apache-2.0.
"""

from __future__ import annotations

from alphaction.zoo.entry import PublicWeights
from alphaction.zoo.facts import IMAGENET, clip


def _entry(name: str, title: str, backbone: str, conv_body: str, repository: str, license_name: str) -> PublicWeights:
    page = f"https://huggingface.co/facebook/{repository}"
    return PublicWeights(
        name=name,
        what=f"{title}, trained without labels (V-JEPA 2)",
        kind="backbone",
        source="vjepa2",
        backbone=backbone,
        page=page,
        file_name=f"{repository}.safetensors",
        url=f"{page}/resolve/main/model.safetensors",
        license=license_name,
        recipe=clip(16, 4) | IMAGENET,
        settings={"MODEL.BACKBONE.CONV_BODY": conv_body},
    )


ENTRIES = (
    _entry("vjepa2_l", "ViT-L", "vjepa2_l", "VJEPA2-Large", "vjepa2-vitl-fpc64-256", "MIT"),
    _entry("vjepa2_h", "ViT-H", "", "VJEPA2-Huge", "vjepa2-vith-fpc64-256", "Apache-2.0"),
    _entry("vjepa2_g", "ViT-g", "", "VJEPA2-Giant", "vjepa2-vitg-fpc64-256", "Apache-2.0"),
)
