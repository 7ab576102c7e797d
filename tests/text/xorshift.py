"""Random numbers that C++ and Python draw alike."""
MASK = (1 << 64) - 1  # 64-bit arithmetic


class Random:
    """xorshift64 (Marsaglia 2003), as in LineGenerator.h."""

    def __init__(self, seed):
        self.state = (seed + 1) * 0x9E3779B97F4A7C15 & MASK

    def below(self, n):
        x = self.state
        x ^= x << 13 & MASK
        x ^= x >> 7
        x ^= x << 17 & MASK
        self.state = x
        return (x >> 16) % n
