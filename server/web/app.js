// The page: ties what the user does to the call, and what the call tells to the view.
//
// For tests and experiments the address may carry ?codec=pcm16 (no Opus), ?raw=1 (the microphone's sound as it is) and
// ?test=1 (window.__test: what was heard at the output, and what the page thinks).
import { Call } from './call.js';
import { insecure_page } from './sentences.js';
import { Trace } from './trace.js';
import { element, View } from './view.js';
import { fetch_voices } from './voices.js';

const address = new URLSearchParams(location.search);
const view = new View();
const trace = new Trace(element('trace'));
const records = { phases: [], events: [] };   // for ?test
const call = new Call(
  {
    item: (item) => view.show_item(item),
    phase: () => show_phase(),
    input_level: (peak) => trace.you(peak),
    output_level: (peak) => trace.parley(peak),
    figure: (name, ms) => view.show_figure(name, ms),
    problem: (sentence, why) => show_problem(sentence, why),
    event: (event) => address.has('test') && records.events.push(event),
  },
  { codec: address.get('codec'), raw: address.has('raw') },
);

let key = sessionStorage.getItem('key') ?? '';
let last_start = null;   // once more, when a key was missing
let once_there_is_a_key = null;
let wake_lock = null;

function show_phase() {
  view.show_phase(call);
  record_phase();
  if (call.phase === 'idle') trace.stop();
  else trace.start();
}

// Each phase that was shown, with how many samples had been heard by then.
function record_phase() {
  if (!address.has('test') || records.phases.at(-1)?.phase === call.phase) return;
  records.phases.push({ phase: call.phase, heard: call.audio?.heard.samples ?? 0 });
}

function show_problem(sentence, why) {
  view.show_problem(sentence, why);
  if (why?.startsWith('key')) ask_for_key(last_start);
}

async function start(microphone) {
  last_start = () => start(microphone);
  view.hide_problem();
  await call.start({ microphone, key, voice: element('voice').value });
  // The screen of a phone stays on during a call; where it cannot, the call goes on all the same.
  wake_lock ??= await navigator.wakeLock?.request('screen').catch(() => null);
}

function end() {
  call.end();
  wake_lock?.release();
  wake_lock = null;
}

function ask_for_key(then) {
  once_there_is_a_key = then;
  element('key_value').value = key;
  if (!element('key_dialog').open) element('key_dialog').showModal();
}

async function load_voices() {
  view.show_voices(await fetch_voices(key), localStorage.getItem('voice'));
}

element('talk').onclick = () => (call.phase !== 'idle' && call.microphone ? end() : start(true));
element('mute').onclick = () => call.mute(!call.muted);
element('stop').onclick = () => call.stop_answer();
element('forget').onclick = () => {
  view.clear_items();
  call.forget();
};
element('key').onclick = () => ask_for_key(null);
element('key_dialog').onclose = ({ target }) => {
  if (target.returnValue !== 'use') return;
  key = element('key_value').value.trim();
  sessionStorage.setItem('key', key);
  view.hide_problem();
  load_voices();
  once_there_is_a_key?.();
};
element('voice').onchange = ({ target }) => {
  localStorage.setItem('voice', target.value);
  call.choose_voice(target.value);
};
element('typing').onsubmit = (event) => {
  event.preventDefault();
  const text = element('text').value.trim();
  if (!text) return;
  element('text').value = '';
  call.say(text);
  if (call.phase === 'idle') start(false);
};

document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && !element('key_dialog').open) return call.stop_answer();
  const typing = event.target.matches('input, select');
  if (event.key === 'm' && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) element('mute').click();
});
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') call.audio?.wake();
});

if (!isSecureContext) {
  show_problem(insecure_page(location.port), 'insecure');
  for (const id of ['talk', 'text']) element(id).disabled = true;
} else {
  load_voices();
}
show_phase();

if (address.has('test')) {
  window.__test = {
    ...records,
    get phase() { return call.phase; },
    get heard() { return call.audio?.heard ?? { samples: 0, energy: 0 }; },
    get codecs() { return call.codecs; },
    get underruns() { return call.underruns; },
    get items() { return [...call.conversation.items.values()]; },
    get problem() { return element('problem').hidden ? null : element('problem').querySelector('p').textContent; },
  };
}
