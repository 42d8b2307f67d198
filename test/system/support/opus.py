"""Opus packets by the system's libopus."""

import ctypes
import ctypes.util

import numpy as np

_opus = ctypes.CDLL(ctypes.util.find_library("opus") or "libopus.so.0")
_opus.opus_encoder_create.restype = ctypes.c_void_p
_opus.opus_decoder_create.restype = ctypes.c_void_p
_voip = 2048
_samples = np.ctypeslib.ndpointer(np.int16, flags="C_CONTIGUOUS")
_opus.opus_encode.argtypes = [ctypes.c_void_p, _samples, ctypes.c_int, ctypes.c_char_p, ctypes.c_int32]
_opus.opus_decode.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32, _samples, ctypes.c_int, ctypes.c_int]
_opus.opus_encoder_destroy.argtypes = _opus.opus_decoder_destroy.argtypes = [ctypes.c_void_p]


class Encoder:
    def __init__(self, rate=48000, ms=20):
        self.samples = rate * ms // 1000
        error = ctypes.c_int()
        self._encoder = _opus.opus_encoder_create(rate, 1, _voip, ctypes.byref(error))
        assert error.value == 0, f"libopus makes no encoder: {error.value}"

    def packets(self, pcm):
        """All packets of a clip, its end filled up with silence."""
        padded = np.zeros(-(-len(pcm) // self.samples) * self.samples, np.int16)
        padded[: len(pcm)] = pcm
        out = ctypes.create_string_buffer(4000)
        for frame in padded.reshape(-1, self.samples):
            size = _opus.opus_encode(self._encoder, np.ascontiguousarray(frame), self.samples, out, len(out))
            assert size > 0, f"libopus refuses a frame: {size}"
            yield out.raw[:size]

    def __del__(self):
        _opus.opus_encoder_destroy(self._encoder)


class Decoder:
    def __init__(self, rate=24000):
        self._longest = rate * 120 // 1000
        error = ctypes.c_int()
        self._decoder = _opus.opus_decoder_create(rate, 1, ctypes.byref(error))
        assert error.value == 0, f"libopus makes no decoder: {error.value}"

    def decode(self, packet):
        pcm = np.zeros(self._longest, np.int16)
        count = _opus.opus_decode(self._decoder, packet, len(packet), pcm, self._longest, 0)
        assert count >= 0, f"libopus cannot decode a packet: {count}"
        return pcm[:count]

    def __del__(self):
        _opus.opus_decoder_destroy(self._decoder)
