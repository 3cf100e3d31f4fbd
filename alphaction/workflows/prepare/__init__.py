"""From a folder of videos and the file of an annotation tool to a registered dataset."""
