"""A lab in containers: what runs in each, as a file for Compose and one for Podman."""
