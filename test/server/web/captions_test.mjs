import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Captions, split_at } from '../../../server/web/captions.js';
import { unknown_cursor } from '../../../server/web/frames.js';

test('what was heard follows the play-out position, a packet counting as soon as it plays', () => {
  const captions = new Captions();
  captions.open(1, 'item_a');
  for (const [end, cursor] of [[960, 3], [1920, 3], [2880, 9]]) captions.mark(1, end, cursor);
  assert.equal(captions.item_of(1), 'item_a');
  assert.deepEqual([0, 500, 960, 1000, 1921, 9999].map((at) => captions.heard(1, at)), [3, 3, 3, 3, 9, 9]);
});

test('where the packets do not tell, nothing is claimed', () => {
  const captions = new Captions();
  captions.open(1, 'item_a');
  captions.mark(1, 960, unknown_cursor);
  assert.equal(captions.heard(1, 500), null);
  assert.equal(captions.heard(2, 500), null);
  assert.equal(captions.item_of(2), undefined);
  captions.mark(2, 960, 5);   // a stream that nobody opened
  assert.equal(captions.heard(2, 500), null);
});

test('a text is split where a word ends that has begun', () => {
  assert.deepEqual(split_at('one two three', 0), ['', 'one two three']);
  assert.deepEqual(split_at('one two three', 2), ['one', ' two three']);
  assert.deepEqual(split_at('one two three', 4), ['one ', 'two three']);
  assert.deepEqual(split_at('one two three', 5), ['one two', ' three']);
  assert.deepEqual(split_at('one', 9), ['one', '']);
});

test('a text is counted in code points', () => {
  assert.deepEqual(split_at('😀 a', 2), ['😀 ', 'a']);
});
