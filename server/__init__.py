"""The thin aiohttp front: decode, check, queue, answer. All meaning is in the engine."""
