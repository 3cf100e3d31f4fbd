"""Who follows persons best: trackers against each other, and boxes and scores between detections against the truth."""
