import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';

import { Link, wait_before } from '../../../server/web/link.js';

// Stands in for the browser's sockets: the test opens and closes them.
class Socket {
  static OPEN = 1;
  static all = [];
  constructor(url, protocols) {
    Object.assign(this, { url: String(url), protocols, readyState: 1, sent: [], bufferedAmount: 0 });
    Socket.all.push(this);
  }
  send(data) { this.sent.push(data); }
  close() { this.readyState = 3; }
  welcome() { this.onmessage({ data: '{"type":"session.created"}' }); }
  fall(code, reason = '') { return this.onclose({ code, reason }); }
}

let told;
let link;
let answers;   // to plain requests, by path: [status, body]
beforeEach(() => {
  Socket.all = [];
  told = [];
  answers = { '/readyz': [200, { status: 'ready' }], '/v1/models': [200, {}] };
  globalThis.WebSocket = Socket;
  globalThis.location = { href: 'http://parley.test:8080/' };
  globalThis.fetch = async (path) => {
    if (!answers) throw new TypeError('fetch failed');
    const [status, body] = answers[path];
    return { status, json: async () => body };
  };
  mock.timers.enable();
  link = new Link({
    on_event: ({ type }) => told.push(type),
    on_frame: () => told.push('frame'),
    on_lost: ({ retry_ms }) => told.push(`lost ${retry_ms}`),
    on_refused: ({ why, message }) => told.push(`refused ${why} ${message}`.trim()),
  });
});
afterEach(() => mock.timers.reset());

test('waits double from half a second to eight', () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5, 50].map(wait_before), [500, 1000, 2000, 4000, 8000, 8000, 8000]);
});

test('native mode is offered first, and a key as a token only where there is one', () => {
  link.open('');
  assert.equal(Socket.all[0].url, 'ws://parley.test:8080/v1/realtime');
  assert.deepEqual(Socket.all[0].protocols, ['realtime.opus.v1', 'realtime']);
  link.open('secret');
  assert.deepEqual(Socket.all[1].protocols, ['realtime.opus.v1', 'realtime', 'openai-insecure-api-key.secret']);
});

test('a session that is lost is opened again after a wait that grows until it is back', async () => {
  link.open('');
  Socket.all[0].welcome();
  await Socket.all[0].fall(1006);
  assert.deepEqual(told, ['session.created', 'lost 500']);
  mock.timers.tick(499);
  assert.equal(Socket.all.length, 1);
  mock.timers.tick(1);
  await Socket.all[1].fall(1006);
  mock.timers.tick(1000);
  Socket.all[2].welcome();
  await Socket.all[2].fall(1012);
  assert.deepEqual(told.slice(2), ['lost 1000', 'session.created', 'lost 500']);
});

test('what will not get better is not tried again', async () => {
  link.open('a key');
  assert.deepEqual(told, ['refused key that cannot be sent']);
  assert.equal(Socket.all.length, 0);
  told.length = 0;
  for (const [code, expected] of [[3000, 'refused key'], [1008, 'refused closed slow_consumer'], [1003, 'refused closed'], [4000, 'refused closed']]) {
    told.length = 0;
    link.open('');
    const socket = Socket.all.at(-1);
    socket.welcome();
    await socket.fall(code, code === 1008 ? 'slow_consumer' : '');
    assert.deepEqual(told, ['session.created', expected]);
  }
  mock.timers.tick(60_000);
  assert.equal(Socket.all.length, 4);
});

test('the first connection says why it was refused', async () => {
  const reasons = {
    key: { '/v1/models': [401, {}] },
    full: { '/readyz': [503, { status: 'full' }] },
    draining: { '/readyz': [503, { status: 'draining' }] },
    refused: {},
  };
  const fine = answers;
  for (const [why, other] of Object.entries(reasons)) {
    told.length = 0;
    answers = { ...fine, ...other };
    link.open('');
    await Socket.all.at(-1).fall(1006);
    assert.deepEqual(told, [`refused ${why}`]);
  }
});

test('a full server is waited for by whoever had a session', async () => {
  link.open('');
  Socket.all[0].welcome();
  await Socket.all[0].fall(1012);
  answers['/readyz'] = [503, { status: 'full' }];
  mock.timers.tick(500);
  await Socket.all[1].fall(1006);
  assert.deepEqual(told, ['session.created', 'lost 500', 'lost 1000']);
});

test('a server that nobody answers for is unreachable at first, and waited for once there was a session', async () => {
  answers = null;
  link.open('');
  await Socket.all[0].fall(1006);
  assert.deepEqual(told, ['refused unreachable']);
  told.length = 0;
  link.open('');
  Socket.all[1].welcome();
  await Socket.all[1].fall(1006);
  mock.timers.tick(500);
  await Socket.all[2].fall(1006);
  assert.deepEqual(told, ['session.created', 'lost 500', 'lost 1000']);
});

test('a link that was closed tries nothing any more', async () => {
  link.open('');
  Socket.all[0].welcome();
  await Socket.all[0].fall(1006);
  link.close();
  mock.timers.tick(60_000);
  assert.equal(Socket.all.length, 1);
});

test('a link that was closed while it asked for the reason tells nothing', async () => {
  link.open('');
  const asking = Socket.all[0].fall(1006);
  link.close();
  await asking;
  assert.deepEqual(told, []);
});

test('a frame that the socket cannot take yet is left out', () => {
  link.open('');
  Socket.all[0].bufferedAmount = 40_000;
  assert.equal(link.send_frame(Uint8Array.of(1)), false);
  Socket.all[0].bufferedAmount = 0;
  assert.equal(link.send_frame(Uint8Array.of(1)), true);
});
