"""The world "people": jointed bodies in space, seen by many cameras, that pretraining learns motion from."""
