"""Does labeling the most uncertain keyframes first pay? Rounds of labeling on the toy world, against a random order."""
