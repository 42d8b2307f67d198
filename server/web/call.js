// A call: the session, the microphone and the loudspeaker together.
import { Audio } from './audio.js';
import { choose_codecs, native_parameters } from './codecs.js';
import { Conversation } from './conversation.js';
import { Link } from './link.js';
import { MicrophoneClock } from './microphone_clock.js';
import { Playout } from './playout.js';
import { answer_failed, call_refused, connection_lost, microphone_closed, microphone_gone, no_loudspeaker } from './sentences.js';

const report_ms = 500;   // between two reports of what is played
const ping_ms = 5000;
// Two sides can act at the same moment; these say that the other was first, and all is well.
const harmless = new Set(['response_cancel_not_active', 'conversation_already_has_active_response', 'invalid_api_key']);

// `show` is told what to show: item(item), phase(), input_level(peak), output_level(peak), figure(name, ms),
// problem(sentence, why), event(event) for each of the server's. `options`: {codec, raw}, from the page's address.
export class Call {
  constructor(show, options) {
    this.show = show;
    this.options = options;
    this.conversation = new Conversation();
    this.link = new Link({
      on_event: (event) => this.on_event(event),
      on_frame: (frame) => this.playout.take(frame),
      on_lost: ({ retry_ms }) => this.on_lost(retry_ms),
      on_refused: ({ why, message }) => this.on_refused(why, message),
    });
    this.state = 'idle';      // then 'connecting', 'live', and 'lost' while it tries again
    this.microphone = false;
    this.muted = false;
    this.underruns = 0;
    this.waiting_text = [];   // typed before the session was there
  }

  get phase() {
    if (this.state !== 'live') return this.state;
    if (this.playout.playing) return 'speaking';
    if (this.conversation.user_speaking) return 'hearing';
    if (this.conversation.awaiting || this.playout.coming) return 'thinking';
    if (!this.microphone) return 'ready';
    return this.muted ? 'muted' : 'listening';
  }

  // ---- what the user does

  // To be called while a click or key press is handled.
  async start({ microphone, key, voice }) {
    this.voice = voice;
    const first = this.state === 'idle';
    if (first) {
      this.enter('connecting');
      this.opening = this.open_audio();
    }
    try {
      await this.opening;
    } catch (error) {
      if (!first) return;
      this.end();
      return this.show.problem(no_loudspeaker(error));
    }
    if (microphone && !this.microphone && this.state !== 'idle') await this.open_microphone();
    if (first && this.state === 'connecting') this.link.open(key);
    this.show.phase();
  }

  end() {
    this.link.close();
    clearInterval(this.ticking);
    this.audio?.close();
    this.audio = this.playout = null;
    this.microphone = false;
    for (const item of this.conversation.forget_activity()) this.show.item(item);
    this.enter('idle');
  }

  mute(muted) {
    this.muted = muted;
    if (this.audio) this.audio.muted = muted;
    this.show.phase();
  }

  async say(text) {
    if (this.state !== 'live') return void this.waiting_text.push(text);
    this.conversation.awaiting = true;
    await this.stop_answer();   // how much of it was heard comes before the question
    const id = `item_${crypto.randomUUID().replaceAll('-', '').slice(0, 21)}`;
    this.spoke_at = performance.now();
    this.send({
      type: 'conversation.item.create',
      item: { id, type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
    });
    if (this.conversation.response) this.answer_wanted = true;
    else this.send({ type: 'response.create' });
    this.show.phase();
  }

  async stop_answer() {
    if (this.state !== 'live') return;
    if (this.playout.playing || this.playout.coming) await this.playout.stop();
    else if (this.conversation.response) this.send({ type: 'response.cancel' });
  }

  // A conversation that has spoken keeps its voice: another one goes on with it in a new session.
  choose_voice(voice) {
    this.voice = voice;
    if (this.state !== 'live') return;
    if (this.has_spoken) this.renew();
    else this.send({ type: 'session.update', session: { type: 'realtime', audio: { output: { voice } } } });
  }

  // Begins a conversation in which nothing has been said.
  forget() {
    this.conversation = new Conversation();
    if (this.state !== 'idle') this.renew();
  }

  // ---- the session

  send(event) {
    this.link.send(event);
  }

  enter(state) {
    this.state = state;
    this.show.phase();
  }

  renew() {
    this.leave_session();
    this.enter('connecting');
    this.link.reopen();
  }

  begin_session() {
    this.settled = false;         // its settings are in force, audio may flow
    this.has_spoken = false;
    this.answer_wanted = false;   // as soon as the response in progress has ended
    this.clock = new MicrophoneClock();
    this.playout = this.new_playout(this.playout.last);
    this.send({
      type: 'session.update',
      session: {
        type: 'realtime',
        audio: { input: { transcription: {} }, output: this.voice ? { voice: this.voice } : {} },
        native: native_parameters(this.codecs),
      },
    });
  }

  settle({ session }) {
    this.silence_ms = session.audio.input.turn_detection?.silence_duration_ms ?? 0;
    if (this.settled) return;
    this.settled = true;
    for (const event of this.conversation.replay()) this.send(event);
    this.enter('live');
    for (const text of this.waiting_text.splice(0)) this.say(text);
  }

  leave_session() {
    this.settled = false;
    this.playout?.abandon();
    for (const item of this.conversation.forget_activity()) this.show.item(item);
  }

  on_event(event) {
    this.show.event(event);
    reactions[event.type]?.(this, event);
    const changed = this.conversation.apply(event);
    if (changed) this.show.item(changed);
    if (event.type === 'response.done' && this.answer_wanted) {
      this.answer_wanted = false;
      this.conversation.awaiting = true;
      this.send({ type: 'response.create' });
    }
    this.show.phase();
  }

  on_lost(retry_ms) {
    this.leave_session();
    this.enter('lost');
    this.show.problem(connection_lost(retry_ms), 'lost');
  }

  on_refused(why, message) {
    this.end();
    this.show.problem(call_refused(why, message), why);
  }

  // ---- audio

  async open_audio() {
    this.audio = new Audio({
      on_packet: (packet) => this.on_packet(packet),
      on_input_level: (peak) => this.show.input_level(this.muted ? 0 : peak),
      on_output_level: (peak) => {
        this.show.output_level(peak);
        this.playout.advance();
      },
      on_playback: (news) => {
        if (news.state === 'underrun') ++this.underruns;
        this.playout.told(news);
      },
      on_microphone_lost: () => this.on_microphone_lost(),
      on_failure: (sentence) => this.show.problem(sentence),
    });
    this.playout = this.new_playout(0);
    this.codecs = await choose_codecs(this.options.codec);
    await this.audio.open();
    this.audio.choose_input(this.codecs.input);
    this.ticking = setInterval(() => this.tick(), report_ms);
  }

  new_playout(first) {
    return new Playout(first, {
      audio: this.audio,
      send: (event) => this.send(event),
      on_sound: () => this.on_sound(),
      on_heard: (item_id, heard) => this.on_heard(item_id, heard),
      on_change: () => this.show.phase(),
    });
  }

  async open_microphone() {
    this.microphone = true;   // from now on, so that it is not opened twice
    try {
      await this.audio.open_microphone({ raw: this.options.raw });
      this.audio.muted = this.muted;
    } catch (error) {
      this.microphone = false;
      this.show.problem(microphone_closed(error), 'microphone');
    }
  }

  on_microphone_lost() {
    this.audio.close_microphone();
    this.microphone = false;
    this.show.problem(microphone_gone, 'microphone');
    this.show.phase();
  }

  on_packet(packet) {
    if (!this.settled) return;
    const frame = this.clock.frame(packet, this.playout.now, this.codecs.input === 'pcm16');
    this.clock.sent(this.link.send_frame(frame));
  }

  on_sound() {
    this.has_spoken = true;
    this.conversation.awaiting = false;
    if (this.spoke_at === undefined) return;
    this.show.figure('latency', performance.now() + this.audio.latency_ms - this.spoke_at);
    this.spoke_at = undefined;
  }

  on_heard(item_id, heard) {
    const item = this.conversation.items.get(item_id);
    if (!item || item.heard === heard) return;
    item.heard = heard;
    this.show.item(item);
  }

  tick() {
    if (this.state !== 'live') return;
    this.playout.report_progress();
    const now = performance.now();
    if (now - (this.pinged_at ?? -Infinity) < ping_ms) return;
    this.pinged_at = now;
    this.send({ type: 'native.ping', t: now });
  }
}

const reactions = {
  'session.created': (call) => call.begin_session(),
  'session.updated': (call, event) => call.settle(event),
  'native.output_stream.started': (call, event) => call.playout.start(event),
  'native.output_stream.flush': (call, { stream }) => call.playout.flush(stream),
  'native.pong': (call, { t }) => call.show.figure('round_trip', performance.now() - t),
  'input_audio_buffer.speech_stopped': (call, { audio_end_ms }) => {
    call.spoke_at = call.clock.time_of(audio_end_ms - call.silence_ms, performance.now());
  },
  // What the server keeps of an answer that was cut is what was heard of it.
  'conversation.item.truncated': (call, { item_id }) => call.send({ type: 'conversation.item.retrieve', item_id }),
  'response.done': (call, { response }) => {
    if (response.status === 'failed') call.show.problem(response.status_details?.error?.message ?? answer_failed);
  },
  error: (call, { error }) => {
    if (!harmless.has(error.code)) call.show.problem(error.message);
  },
};
