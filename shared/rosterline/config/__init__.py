"""Settings: one frozen value, read once by `launch` and handed down. Imports nothing of ours."""
