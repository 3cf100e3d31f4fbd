"""Cross-validation by video: the annotated videos in K folds, each validated by a training on all others."""
