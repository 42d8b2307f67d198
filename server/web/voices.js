// The voices that a server offers, from GET /v1/models: each model may list them in `voices`, as names or as objects with
// tags. Empty where the server does not tell.
import { authorization } from './socket.js';

const tags = ['mood', 'age', 'sex'];
const usual = new Set(['', 'adult']);   // goes without saying

export async function fetch_voices(key) {
  try {
    const response = await fetch('/v1/models', { headers: authorization(key) });
    return response.ok ? voices_in(await response.json()) : [];
  } catch {
    return [];   // no server, or no JSON: starting a call will say more
  }
}

export function voices_in({ data = [] }) {
  const listed = data.find(({ voices }) => voices?.length)?.voices ?? [];
  return listed.map((voice) => {
    if (typeof voice === 'string') return { name: voice, about: '' };
    const about = tags.map((tag) => voice[tag]).filter((tag) => tag && !usual.has(tag)).join(', ');
    return { name: voice.name ?? voice.id, about };
  });
}
