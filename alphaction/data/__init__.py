"""From files to batches: annotations, video decoding, transforms, samples, samplers and loaders."""
