"""Who is who from frame to frame, where everybody is in between, and scores that do not flicker."""
