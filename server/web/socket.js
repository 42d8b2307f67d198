// One WebSocket to /v1/realtime in native mode: events as JSON text, audio as binary frames.
import { decode_frame } from './frames.js';

const path = '/v1/realtime';
const most_buffered_bytes = 32 * 1024;   // of the microphone on its way out; beyond it packets are left out

export function open_socket({ key, on_event, on_frame, on_close }) {
  const protocols = ['realtime.opus.v1', 'realtime'];
  if (key) protocols.push(`openai-insecure-api-key.${key}`);
  const url = new URL(path, location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const socket = new WebSocket(url, protocols);
  socket.binaryType = 'arraybuffer';

  socket.onmessage = ({ data }) => {
    if (typeof data === 'string') return on_event(JSON.parse(data));
    const frame = decode_frame(data);
    if (frame) on_frame(frame);
  };
  socket.onclose = ({ code, reason }) => on_close({ code, reason });

  const is_open = () => socket.readyState === WebSocket.OPEN;
  return {
    send(event) {
      if (is_open()) socket.send(JSON.stringify(event));
    },
    // False where the way out is clogged and the frame was left out.
    send_frame(bytes) {
      if (!is_open() || socket.bufferedAmount > most_buffered_bytes) return false;
      socket.send(bytes);
      return true;
    },
    close() {
      socket.onmessage = socket.onclose = null;
      socket.close(1000);
    },
  };
}

// A browser sends a key among the subprotocols, which are made of fewer letters than keys may be (RFC 9110, token).
export const can_be_sent = (key) => /^[\w!#$%&'*+.^`|~-]*$/.test(key ?? '');

// Why an upgrade fails. Scripts are not told, but other addresses of the server know: 'unreachable' (nobody answers), 'full',
// 'draining', 'key' (it wants one, or another one), or 'refused' for all else.
export async function ask_why_refused(key) {
  try {
    const ready = await fetch('/readyz', { cache: 'no-store' });
    if (ready.status === 503) return (await ready.json()).status === 'draining' ? 'draining' : 'full';
    const models = await fetch('/v1/models', { headers: authorization(key), cache: 'no-store' });
    return models.status === 401 ? 'key' : 'refused';
  } catch {
    return 'unreachable';   // fetch rejects when there is no connection
  }
}

export const authorization = (key) => (key ? { Authorization: `Bearer ${key}` } : {});
