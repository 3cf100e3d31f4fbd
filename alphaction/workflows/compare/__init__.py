"""Two runs on the same data: whether their difference is more than noise."""
