"""Random numbers by the names and shapes of scripts/convert/step_audio_2/expected.py, drawn so that no layer is idle: gains
around one, shifts that are not zero, matrices that keep the size of what goes through them."""
import numpy as np


class Draw:
    """One stream of random numbers; the same seed draws the same tensors."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)

    def tensors(self, shapes, gains=()):
        """`gains`: (part of a name, factor) of matrices that shall be larger or smaller than usual."""
        return {name: self.tensor(name, shape, next((gain for part, gain in gains if part in name), 1.0))
                for name, shape in shapes.items()}

    def tensor(self, name, shape, gain):
        if len(shape) == 1:
            if name.endswith(".bias"):
                return self.normal(shape, 0.1)
            return self.uniform(shape, 0.7, 1.3)  # gains of norms, Snake's alpha
        if "embed" in name and len(shape) == 2:
            return self.normal(shape, 0.5 * gain)
        inputs = int(np.prod(shape[1:]))
        return self.normal(shape, gain / np.sqrt(inputs))

    def normal(self, shape, deviation):
        return (self.random.standard_normal(shape) * deviation).astype(np.float32)

    def uniform(self, shape, low, high):
        return self.random.uniform(low, high, shape).astype(np.float32)
