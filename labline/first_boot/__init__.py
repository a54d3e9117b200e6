"""What a Raspberry Pi's first boot is told: by files on the boot partition of its card."""
