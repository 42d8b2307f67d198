// Keeps a session open: connects, and where a connection is lost that may come back, connects again after 0.5, 1, 2, 4 and
// then every 8 seconds.
import { ask_why_refused, can_be_sent, open_socket } from './socket.js';

const first_wait_ms = 500;
const longest_wait_ms = 8000;
const may_come_back = new Set([1001, 1006, 1011, 1012, 1013]);

export const wait_before = (attempt) => Math.min(longest_wait_ms, first_wait_ms * 2 ** attempt);

// `handlers`: on_event(event), on_frame(frame), and
//   on_lost({retry_ms})          the connection is gone and is tried again after that
//   on_refused({why, message})   it is not tried again; why: as ask_why_refused says, or 'closed' with the server's reason
export class Link {
  constructor(handlers) {
    this.handlers = handlers;
    this.attempt = 0;
    this.established = false;   // there has been a session since open()
  }

  open(key) {
    this.key = key;
    this.attempt = 0;
    this.established = false;
    this.connect();
  }

  // The same session's content in a new connection, without a wait.
  reopen() {
    this.drop();
    this.connect();
  }

  close() {
    this.drop();
  }

  send(event) {
    this.socket?.send(event);
  }

  send_frame(bytes) {
    return this.socket?.send_frame(bytes) ?? false;
  }

  drop() {
    clearTimeout(this.timer);
    this.socket?.close();
    this.socket = null;
  }

  connect() {
    if (!can_be_sent(this.key)) return this.refuse('key that cannot be sent', '');
    let welcomed = false;
    const socket = open_socket({
      key: this.key,
      on_event: (event) => {
        if (event.type === 'session.created') {
          welcomed = this.established = true;
          this.attempt = 0;
        }
        this.handlers.on_event(event);
      },
      on_frame: this.handlers.on_frame,
      on_close: (closed) => this.closed(socket, welcomed, closed),
    });
    this.socket = socket;
  }

  async closed(socket, welcomed, { code, reason }) {
    if (code === 3000) return this.refuse('key', '');
    if (!may_come_back.has(code)) return this.refuse('closed', reason);
    if (!welcomed) {
      const why = await ask_why_refused(this.key);
      if (this.socket !== socket) return;   // closed or opened anew meanwhile
      if (why === 'key' || !this.established) return this.refuse(why, reason);
    }
    const retry_ms = wait_before(this.attempt++);
    this.handlers.on_lost({ retry_ms });
    this.timer = setTimeout(() => this.connect(), retry_ms);
  }

  refuse(why, message) {
    this.socket = null;
    this.handlers.on_refused({ why, message });
  }
}
