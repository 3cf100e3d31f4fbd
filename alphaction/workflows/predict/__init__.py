"""Actions in any video: boxes, tracks, class names and scores on every frame."""
