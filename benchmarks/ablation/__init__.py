"""The ablation of the interaction structures on the toy world "interactions": planning, running and reporting it."""
