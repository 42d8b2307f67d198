// The input's clock: numbers and times of the packets of one session, and when a moment of it was on this machine's clock.
import { encode_frame, input_kind, units_per_ms } from './frames.js';

export const packet_units = 20 * units_per_ms;

export class MicrophoneClock {
  constructor() {
    this.packets = 0;
    this.left_out = false;
  }

  // The next packet as a frame. `playing` is {stream, position} of what is being heard; `pcm` tells its codec. Packets are
  // consecutive whether or not they were sent, so that what was left out shows as a gap.
  frame(payload, { stream, position }, pcm) {
    const number = this.packets++;
    return encode_frame({
      kind: input_kind,
      seq: number,
      timestamp: number * packet_units,
      stream,
      aux: position,
      start: number === 0,
      gap: this.left_out,
      pcm,
      payload,
    });
  }

  // How that frame went.
  sent(well) {
    this.left_out = !well;
  }

  get ms() {
    return (this.packets * packet_units) / units_per_ms;
  }

  // The time on the caller's clock, `now` there at this moment, when the session's clock stood at `ms`.
  time_of(ms, now) {
    return now - (this.ms - ms);
  }
}
