"""A deterministic world in one operating-system process: virtual time, in-memory network, seeded faults and kills."""
