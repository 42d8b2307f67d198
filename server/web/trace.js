// The last seconds of the conversation, drawn: your voice rises above the line, Parley's hangs below it.
const bar_px = 3;
const gap_px = 2;
const levels_a_bar = 3;
const most_bars = 1000;
const floor_db = -54;   // shows as nothing

export class Trace {
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = canvas.getContext('2d');
    this.bars = [];          // newest last: {you, parley}, 0 to 1
    this.current = { you: 0, parley: 0 };
    this.levels = 0;         // in `current`
    this.still = matchMedia('(prefers-reduced-motion: reduce)');
    this.running = false;
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw());
  }

  // The microphone's peak since the last call.
  you(peak) {
    this.current.you = Math.max(this.current.you, height_of(peak));
  }

  // The loudspeaker's. It is told every 20 ms of the sound card's clock, silence too, and so moves the trace on: a page that is
  // held up draws later, but draws no gaps.
  parley(peak) {
    this.current.parley = Math.max(this.current.parley, height_of(peak));
    if (++this.levels < levels_a_bar) return;
    this.bars.push(this.current);
    this.current = { you: 0, parley: 0 };
    this.levels = 0;
    if (this.bars.length > most_bars) this.bars.shift();
  }

  start() {
    if (this.running) return;
    this.running = true;
    const frame = () => {
      if (!this.running) return;
      this.draw();
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  stop() {
    this.running = false;
    this.draw();
  }

  draw() {
    const { canvas, pen } = this;
    const scale = devicePixelRatio;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
    }
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    const style = getComputedStyle(canvas);
    const colours = { you: style.getPropertyValue('--you'), parley: style.getPropertyValue('--parley'), line: style.getPropertyValue('--line') };
    if (this.still.matches) this.draw_levels(width, height, colours);
    else this.draw_bars(width, height, colours);
  }

  draw_bars(width, height, colours) {
    const middle = Math.round(height / 2);
    const places = Math.floor((width + gap_px) / (bar_px + gap_px));
    const sketched = this.bars.length === 0;
    this.pen.globalAlpha = sketched ? 0.3 : 1;
    for (let place = 0; place < places; ++place) {
      const bar = sketched ? sketch(place / places) : this.bars[this.bars.length - places + place];
      const x = place * (bar_px + gap_px);
      this.bar(x, middle, -1, bar?.you ?? 0, colours.you, colours.line);
      this.bar(x, middle, 1, bar?.parley ?? 0, colours.parley, null);
    }
  }

  bar(x, middle, direction, level, colour, rest_colour) {
    const { pen } = this;
    if (level <= 0) {
      if (!rest_colour) return;
      pen.fillStyle = rest_colour;
      return pen.fillRect(x, middle - 1, bar_px, 2);
    }
    const length = Math.max(2, level * (middle - 4));
    pen.fillStyle = colour;
    pen.beginPath();
    pen.roundRect(x, direction < 0 ? middle - 1 - length : middle + 1, bar_px, length, bar_px / 2);
    pen.fill();
  }

  // Without motion: how loud each is now, as two bars that do not travel.
  draw_levels(width, height, colours) {
    const { pen } = this;
    const { you, parley } = this.bars[this.bars.length - 1] ?? this.current;
    const thickness = 6;
    [[you, colours.you, height / 2 - thickness - 1], [parley, colours.parley, height / 2 + 1]].forEach(([level, colour, y]) => {
      pen.fillStyle = colours.line;
      pen.fillRect(0, y, width, thickness);
      pen.fillStyle = colour;
      pen.fillRect(0, y, level * width, thickness);
    });
  }
}

// What a talk looks like, before there was one: `at` goes from 0 to 1.
function sketch(at) {
  const speech = (from, to) => {
    const inside = (at - from) / (to - from);
    if (inside <= 0 || inside >= 1) return 0;
    const syllables = 0.55 + 0.3 * Math.sin(at * 190) + 0.15 * Math.sin(at * 463);
    return 0.8 * syllables * Math.sin(Math.PI * inside) ** 0.5;
  };
  return { you: speech(0.06, 0.3) || speech(0.68, 0.8), parley: speech(0.33, 0.69) || speech(0.83, 0.97) };
}

const height_of = (peak) => (peak <= 0 ? 0 : Math.max(0, 1 - (20 * Math.log10(peak)) / floor_db));
